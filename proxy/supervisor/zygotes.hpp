// The scanner zygotes: at most one that loads, one that serves the proxy, and older ones that finish what they scan.
//
// While one serves, the next one loads with the processor time that nobody else wants: loading takes a processor for
// seconds, and mail would wait for it. When there is none, for some seconds, it gets its share all the same.
//
// An older zygote ends when its workers have nothing left to do. Nobody says so: the proxy then closes its end of the
// control channel, and a duplicate of the zygote's end, kept here, shows it (POLLHUP).
#pragma once

#include <poll.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "supervisor/child.hpp"

namespace supervisor {

class Zygotes {
  public:
    explicit Zygotes(bool log_to_stderr, bool keep_stderr) : log_to_stderr_(log_to_stderr), keep_stderr_(keep_stderr) {}

    // Starts one with this configuration; one that was loading is given up.
    base::Status load(int configuration);
    [[nodiscard]] bool loading() const { return loading_ != nullptr; }
    void give_up_loading();

    // What became of the one that loads, asked after every wake-up; each answer is given once.
    struct Outcome {
        bool loaded = false;
        std::string text;  // its signatures, or why not
    };
    std::optional<Outcome> outcome();

    // The loaded one serves from now on; the one before finishes within `scan_time` and leaves.
    void promote(std::chrono::milliseconds scan_time);
    [[nodiscard]] bool serving() const { return serving_ != nullptr; }
    [[nodiscard]] std::string signatures() const { return serving_ ? serving_->text : std::string(); }
    [[nodiscard]] unsigned generation() const { return serving_ ? serving_->generation : 0; }
    // A new control channel to the serving one; the proxy's end comes back.
    base::Result<base::UniqueFd> connect();
    // The same to the one that has loaded and is about to be promoted.
    base::Result<base::UniqueFd> connect_loaded();
    [[nodiscard]] std::string loaded_signatures() const { return loading_ ? loading_->text : std::string(); }
    [[nodiscard]] unsigned loaded_generation() const { return loading_ ? loading_->generation : 0; }

    // True when `pid` was one of these. `died`: it was the serving one, and this is how it ended.
    bool reaped(pid_t pid, int status, std::optional<std::string>& died);
    [[nodiscard]] base::Monotonic::time_point serving_since() const { return serving_since_; }

    // Everything is to end: what scans is given `patience`.
    void end_all(std::chrono::milliseconds patience);
    void kill_all();
    [[nodiscard]] bool none_left() const { return !serving_ && !loading_ && leaving_.empty(); }

    void watch(std::vector<pollfd>& descriptors) const;
    // Reads what they say; lets those go that are done.
    void tend(base::Monotonic::time_point now);
    // The earliest time at which tend() has something to do.
    [[nodiscard]] std::optional<base::Monotonic::time_point> due() const;

  private:
    struct Zygote {
        explicit Zygote(Child started) : child(std::move(started)) {}
        Child child;
        unsigned generation = 0;
        enum class State { kLoading, kLoaded, kFailed } state = State::kLoading;
        bool told = false;                                      // outcome() has given it
        std::string text;                                       // signatures, or why it cannot load
        base::UniqueFd served;                                  // duplicate of its end of the control channel
        std::optional<base::Monotonic::time_point> forward_at;  // it is in the background, at least until then
        std::chrono::nanoseconds had{};                         // processor time, when that was set
        std::optional<base::Monotonic::time_point> leave_by;
    };
    void read(Zygote& zygote);
    void come_forward(Zygote& zygote);
    void come_forward_if_starving(Zygote& zygote, base::Monotonic::time_point now);
    static base::Result<base::UniqueFd> connect_to(Zygote& zygote);
    void dismiss(std::unique_ptr<Zygote> zygote, std::chrono::milliseconds patience);

    bool log_to_stderr_;
    bool keep_stderr_;
    bool background_ = true;  // until one could not be brought forward
    unsigned last_generation_ = 0;
    base::Monotonic::time_point serving_since_;
    std::unique_ptr<Zygote> loading_;
    std::unique_ptr<Zygote> serving_;
    std::vector<std::unique_ptr<Zygote>> leaving_;
};

}  // namespace supervisor
