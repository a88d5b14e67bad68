// How far a long command is: a bar on a terminal, else a line now and then; on standard error.
#pragma once

#include <cstddef>
#include <string>

#include "base/clock.hpp"

namespace inspect {

class Progress {
  public:
    // `what`: "mails". Nothing is shown before it is asked to.
    Progress(std::string what, std::size_t total);
    ~Progress() { clear(); }
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void show(std::size_t done);
    // Before something else is printed: the bar goes, and comes back with the next show().
    void clear();

  private:
    std::string what_;
    std::size_t total_;
    bool terminal_;
    bool shown_ = false;
    base::Monotonic::time_point last_;
};

// "[#####     ] 12/34 mails", `width` characters between the brackets.
std::string progress_bar(std::size_t done, std::size_t total, std::size_t width);

}  // namespace inspect
