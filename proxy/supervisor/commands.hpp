// The processes of the command in [smtp] original: each speaks SMTP on its standard input and output, which are one
// TCP connection over loopback whose other end the proxy gets.
//
// The proxy says when it wants one, never which program: that is the configuration's, so that a proxy that was broken
// into can start nothing else. At most original_max_processes run at the same time; who asks beyond that waits here in
// order. Each process leads a group of its own. One that nobody needs any more, because the proxy has said so or has
// ended, has kPatience to end by itself (Sendmail does at the end of its input), then its group gets SIGTERM, then
// SIGKILL.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "config/settings.hpp"
#include "supervisor/child.hpp"

namespace supervisor {

class Commands {
  public:
    static constexpr std::chrono::seconds kPatience{60};
    static constexpr std::chrono::seconds kAfterTerm{10};
    static constexpr std::size_t kMaxWaiting = 10000;

    explicit Commands(bool keep_stderr) : keep_stderr_(keep_stderr) {}

    // What configure() would say.
    static base::Status check(const config::Settings& settings);
    // From the next process on. Error: there is no such user; a process would then not start, either.
    base::Status configure(const config::Settings& settings);

    // The proxy's packets: it wants a process under this number, or needs it no more. Answers go to `proxy`.
    void ask(std::uint64_t serial, Child& proxy);
    void give_back(std::uint64_t serial, Child& proxy);
    // It has ended: nobody waits, and nobody needs what runs.
    void proxy_ended();

    // True when `pid` was one of these; `proxy` (null: there is none) gets a process for whoever waits.
    bool reaped(pid_t pid, int status, Child* proxy);
    void end_all(std::chrono::milliseconds patience);
    void kill_all();
    [[nodiscard]] bool none_left() const { return running_.empty(); }

    void tend(base::Monotonic::time_point now);
    [[nodiscard]] std::optional<base::Monotonic::time_point> due() const;

  private:
    struct Running {
        pid_t pid = -1;
        std::uint64_t serial = 0;  // 0: of a proxy that has ended
        std::optional<base::Monotonic::time_point> due;
        bool termed = false;
    };
    void start_waiting(Child& proxy);
    void start(std::uint64_t serial, Child& proxy);
    base::Result<pid_t> spawn(int socket) const;

    bool keep_stderr_;
    std::vector<std::string> command_;
    std::optional<Account> account_;  // empty: our own
    std::string no_account_;          // why there is none, although we are root
    std::size_t most_ = 0;
    std::deque<std::uint64_t> waiting_;
    std::vector<Running> running_;
};

}  // namespace supervisor
