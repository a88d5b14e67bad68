// The pid file: locked as long as the daemon lives, so that a second one cannot start and a stale file does not matter.
//
// It is empty until write(): whoever reads a number from it knows that the daemon is ready.
#pragma once

#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace supervisor {

class PidFile {
  public:
    // Error: another daemon holds it (the text has its pid), or it cannot be made.
    static base::Result<PidFile> lock(std::string path);
    PidFile(PidFile&&) noexcept = default;
    PidFile& operator=(PidFile&&) = delete;
    // Removes the file.
    ~PidFile();

    // This process's pid and a line feed.
    base::Status write();

  private:
    PidFile(std::string path, base::UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

    std::string path_;
    base::UniqueFd fd_;
};

}  // namespace supervisor
