// Notices that the files in the signature directories have changed, so that what freshclam brings is used without
// anybody's word.
//
// It looks at names, sizes and times from time to time and opens no file: the supervisor is root, and the directory is
// not its own. A change counts when a second look shows the same: half of an update is not loaded. What could not be
// loaded is tried again when it changes further.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace supervisor {

class SignatureWatch {
  public:
    using Time = base::Monotonic::time_point;

    // From now on these, every `interval`; 0: never.
    void set(std::vector<std::string> directories, std::chrono::milliseconds interval, Time now);
    // What is there now is about to be loaded.
    void loading();

    [[nodiscard]] std::optional<Time> due() const { return due_; }
    // Looks, when it is time to. True: there is something else than what was loaded last, and it has come to rest.
    bool changed(Time now);

  private:
    [[nodiscard]] std::string look() const;

    std::vector<std::string> directories_;
    std::chrono::milliseconds interval_{0};
    std::optional<Time> due_;
    std::string loaded_;
    std::string seen_;
};

}  // namespace supervisor
