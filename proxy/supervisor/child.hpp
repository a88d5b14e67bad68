// One process of the daemon as its supervisor sees it: a pid and a channel.
//
// Started by fork and exec of our own program, so that each process has fresh memory and addresses of its own. It
// inherits the descriptors that roles.hpp names and no other.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/channel.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "supervisor/account.hpp"

namespace supervisor {

class Child {
  public:
    struct Start {
        std::string role;  // "proxy", "zygote"
        int configuration = -1;
        unsigned generation = 1;         // of the configuration
        std::vector<int> listeners;      // from roles::kFirstListenFd on, with what follows them there
        std::optional<Account> account;  // empty: the supervisor's own
        bool log_to_stderr = false;
        bool keep_stderr = false;  // else /dev/null: no terminal is held by a daemon's processes
        // It gets what processor time nobody else wants, until come_forward(). Only with may_come_forward().
        bool background = false;
    };
    static base::Result<Child> start(const Start& start);

    Child(Child&& other) noexcept;
    Child& operator=(Child&&) = delete;
    // Whether this process may give back what `background` takes: it needs CAP_SYS_NICE, or a limit that allows it.
    static bool may_come_forward();

    // Kills it when it still lives.
    ~Child();

    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] base::Monotonic::time_point started() const { return started_; }

    base::Status send(std::string_view bytes, std::initializer_list<int> descriptors = {});
    // The next packet, if there is one. A channel that ended is closed, and the process is given a moment to end too.
    std::optional<base::Packet> receive();
    // Shares the processors with the others from now on, and so does what it forks.
    base::Status come_forward();
    // Processor time that it has had; nothing when it is gone.
    [[nodiscard]] std::chrono::nanoseconds cpu_time() const;
    // Tells it to end (roles.hpp).
    void close_channel() { channel_.reset(); }

    // SIGKILL unless it has ended by then; an earlier date that was set before stays.
    void kill_after(std::chrono::milliseconds patience);
    void kill_if_due(base::Monotonic::time_point now);
    [[nodiscard]] std::optional<base::Monotonic::time_point> due() const { return due_; }
    void kill_now();
    // It was reaped: its pid means nothing any more.
    void forget_pid() { pid_ = -1; }

    // For poll(2): what receive() waits for.
    void watch(std::vector<pollfd>& descriptors) const;

  private:
    Child(pid_t pid, base::UniqueFd channel) : pid_(pid), channel_(std::move(channel)) {}

    pid_t pid_;
    base::UniqueFd channel_;
    base::Monotonic::time_point started_ = base::Monotonic::now();
    std::optional<base::Monotonic::time_point> due_;
};

// "exit status 1", "signal 11 (Segmentation fault)".
std::string describe_status(int wait_status);

}  // namespace supervisor
