// The runners of check programs: one that serves the proxy, when any program is configured, and older ones that finish
// what they run. A runner that was told to leave ends by itself when the proxy has closed its channel.
#pragma once

#include <poll.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "supervisor/child.hpp"

namespace supervisor {

class Runners {
  public:
    Runners(bool log_to_stderr, bool keep_stderr) : log_to_stderr_(log_to_stderr), keep_stderr_(keep_stderr) {}

    // Starts one with this configuration, if it has programs, in place of the one before, which is let go.
    base::Status start(int configuration, const config::Settings& settings);
    [[nodiscard]] bool serving() const { return serving_ != nullptr; }
    // True when a runner that was started with `running` is of no use for `wanted`.
    static bool differ(const config::Settings& running, const config::Settings& wanted);
    // A new channel to the serving one; the proxy's end comes back.
    base::Result<base::UniqueFd> connect();

    // True when `pid` was one of these. `died`: it was the serving one, and this is how it ended.
    bool reaped(pid_t pid, int status, std::optional<std::string>& died);
    [[nodiscard]] base::Monotonic::time_point serving_since() const { return serving_since_; }

    void end_all(std::chrono::milliseconds patience);
    void kill_all();
    [[nodiscard]] bool none_left() const { return !serving_ && leaving_.empty(); }

    void watch(std::vector<pollfd>& descriptors) const;
    void tend(base::Monotonic::time_point now);
    [[nodiscard]] std::optional<base::Monotonic::time_point> due() const;

  private:
    void let_go(std::chrono::milliseconds patience);

    bool log_to_stderr_;
    bool keep_stderr_;
    base::Monotonic::time_point serving_since_;
    std::chrono::milliseconds longest_{0};  // that a program of the serving one may run
    std::unique_ptr<Child> serving_;
    std::vector<std::unique_ptr<Child>> leaving_;
};

}  // namespace supervisor
