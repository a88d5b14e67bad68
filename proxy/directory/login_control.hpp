// LoginControl: whether a mail server that refuses a password can be believed. Some say "wrong" also while what they
// ask themselves is down; then they refuse the account that is known to be good (control_user), too.
//
// An answer stands for a short while, so that whoever guesses passwords has this account asked for no more often than
// that (and once more by each thread that asks at the same moment). One that does not speak for the server stands for
// less: it must not outlast the fault. Thread-safe; waits.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "config/directory_settings.hpp"
#include "directory/secret.hpp"

namespace directory {

// Whether the server, at this address of its (as LoginConnection::open() has it), lets control_user in. Error: it does
// not, or nobody can tell; why.
base::Status try_control_user(const config::LoginServer& settings, const config::HostPort& server,
                              const base::Result<Secret>& password, base::Monotonic::time_point deadline,
                              const std::string& at = {});

class LoginControl {
  public:
    using Time = base::Monotonic::time_point;
    using Question = std::function<base::Status()>;

    static constexpr auto kBelieved = std::chrono::seconds(2);
    static constexpr auto kDoubted = std::chrono::seconds(1);

    // What `question` says of the server at `place`, or has said shortly before `now`.
    base::Status ask(const std::string& place, const Question& question, Time now = base::Monotonic::now());

    // Answers that are kept: of no more places than were asked in the last two seconds.
    [[nodiscard]] std::size_t kept() const;

  private:
    struct Known {
        base::Status answer;
        Time asked;
        [[nodiscard]] bool stands(Time now) const;
    };
    mutable std::mutex mutex_;
    std::map<std::string, Known> known_;
};

}  // namespace directory
