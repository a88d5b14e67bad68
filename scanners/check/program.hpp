// One run of a check program: started in a place of its own, watched, killed with its process group.
//
// In the runner. The program has scan_user's rights, no network, no environment, limits, and nothing open but its three
// standard descriptors.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "scanners/check/verdict.hpp"

namespace scanners::check {

struct Plan {
    std::string name;
    std::vector<std::string> arguments;  // the first is the program's path
    bool as_file = false;                // the message is a file, whose path is the last argument
    std::uint64_t memory = 0;            // octets, RLIMIT_AS
    std::uint64_t file_size = 0;         // octets, RLIMIT_FSIZE
};

class Program {
  public:
    // `directory` is empty and belongs to this run. Error: it could not be started at all.
    static base::Result<Program> start(const Plan& plan, base::UniqueFd message, const std::string& directory,
                                       std::chrono::milliseconds time);

    [[nodiscard]] pid_t pid() const { return pid_; }
    // Readable when it has written something; -1 when it can write no more.
    [[nodiscard]] int output() const { return output_.get(); }
    [[nodiscard]] base::Monotonic::time_point deadline() const { return deadline_; }

    // Takes in what it wrote; what is behind the first line is dropped.
    void read_output();
    // The process and its group; reap it afterwards.
    void kill(bool for_its_deadline);
    // It was reaped: what is left of its group goes, too.
    Ending ended(int wait_status);

  private:
    Program(pid_t pid, base::UniqueFd output, std::chrono::milliseconds time)
        : pid_(pid), output_(std::move(output)), deadline_(base::Monotonic::now() + time) {}

    pid_t pid_;
    base::UniqueFd output_;
    base::Monotonic::time_point deadline_;
    std::string line_;
    bool line_over_ = false;
    bool late_ = false;
};

}  // namespace scanners::check
