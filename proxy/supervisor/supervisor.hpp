// The supervisor: starts, watches, reloads and ends the daemon's processes. It never reads a byte from the network.
//
// One thread, one poll(2). Owns the listening sockets: a proxy that dies is started anew behind them, and whoever
// connects meanwhile waits in the kernel's queue instead of being refused.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"
#include "supervisor/account.hpp"
#include "supervisor/backoff.hpp"
#include "supervisor/child.hpp"
#include "supervisor/commands.hpp"
#include "supervisor/configuration.hpp"
#include "supervisor/pid_file.hpp"
#include "supervisor/readiness.hpp"
#include "supervisor/runners.hpp"
#include "supervisor/service_manager.hpp"
#include "supervisor/signature_watch.hpp"
#include "supervisor/zygotes.hpp"

namespace supervisor {

struct Options {
    std::string configuration_file;  // absolute: the daemon changes its directory
    bool foreground = false;         // -f: no fork, log to standard error
};

// Runs the daemon; returns its exit status. What keeps it from starting is told on standard error and in the log.
int run(const Options& options);

class Supervisor {
  public:
    Supervisor(Options options, Configuration configuration, Readiness readiness, ServiceManager manager);
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;
    ~Supervisor();

    int run();

  private:
    enum class Phase { kStarting, kRunning, kStopping };

    // What is on its way into use: signatures, and a configuration unless only the signatures have changed.
    struct Reload {
        std::optional<Configuration> wanted;
        std::string engine_failure;  // why the old engine stays; empty while it is not known, or when it goes
        std::optional<base::Monotonic::time_point> answer_by;  // the proxy was asked
        bool proxy_has_scanners = false;                       // it got the new engine together with the configuration
    };

    // supervisor.cpp: life and death
    base::Status prepare();
    base::Status take_signals();
    base::Status listen_for_questions();
    void fail_start(const std::string& why);
    void become_ready();
    void wait_for_something();
    void on_signals();
    void reap();
    void on_due_times();
    void stop(const char* why);
    [[nodiscard]] bool ended() const;

    // proxy and scanners
    void start_proxy();
    void on_proxy_packet(const base::Packet& packet);
    void on_proxy_death(int status);
    void on_command_wish(char what, std::string_view text);
    void load_zygote();
    void on_zygote_outcome(const Zygotes::Outcome& outcome);
    void on_zygote_death(const std::string& how);
    // Gives the proxy a channel to the scanners that serve now.
    void connect_proxy_to_scanners();
    // The same with the runner of check programs, where there is one.
    void start_runner();
    void connect_proxy_to_runner();
    void on_runner_death(const std::string& how);

    // reload.cpp: SIGHUP, and signatures that have changed
    void begin_reload();
    void begin_signature_reload();
    void load_beside();
    void on_engine_outcome(const Zygotes::Outcome& outcome);
    void ask_proxy();
    void apply_reload();
    void refuse_reload(const std::string& why);
    void end_reload();
    void watch_signatures();
    // How the last reload went, for `sandwichctl status`.
    void remember_reload(const std::string& how);
    void tell_proxy_of_reload();

    Options options_;
    Configuration configuration_;
    Readiness readiness_;
    ServiceManager manager_;
    std::optional<Account> account_;  // of the proxy; empty when we are no root
    std::optional<PidFile> pid_file_;
    std::vector<base::UniqueFd>
        listeners_;  // in the order of Settings::sockets, then the control socket, then the socketmap
    bool control_socket_made_ = false;
    bool socketmap_made_ = false;
    base::UniqueFd signals_;

    Phase phase_ = Phase::kStarting;
    int exit_status_ = 0;
    Zygotes zygotes_;
    Backoff zygote_backoff_;
    std::optional<base::Monotonic::time_point> zygote_start_at_;
    Runners runners_;
    Backoff runner_backoff_;
    std::optional<base::Monotonic::time_point> runner_start_at_;
    Commands commands_;
    std::optional<Child> proxy_;
    bool proxy_ready_ = false;
    std::string proxy_complaint_;  // why it cannot start, in its own words
    Backoff proxy_backoff_;
    std::optional<base::Monotonic::time_point> proxy_start_at_;
    std::optional<Reload> reload_;
    bool reload_again_ = false;
    unsigned generation_ = 1;  // of configuration_
    SignatureWatch signature_watch_;
    std::string last_reload_;  // empty: there was none
};

}  // namespace supervisor
