// Delays: which recipients of which mails a rule lets wait for certain hours, so that the upstream's tries before then
// are answered without another scan.
//
// In memory only: after a restart one try is scanned again, and the rule says the same. Bounded; the answer holds for
// the configuration that gave it. Thread-safe, one for all loops.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.hpp"
#include "journal/key.hpp"
#include "policy/action.hpp"

namespace session {

class Delays {
  public:
    static constexpr std::size_t kMax = 100'000;

    struct Delay {
        base::Wall::time_point until;
        unsigned configuration = 0;  // Runtime::generation
        std::string rule{};
        std::string text{};  // of the reply; empty: the usual
    };

    // When kMax are there, those that are over are forgotten; when none is, this one is not remembered.
    void remember(const journal::Key& recipient, Delay delay, base::Wall::time_point now);
    // Nothing: it does not wait, or the configuration has changed meanwhile.
    std::optional<Delay> find(const journal::Key& recipient, unsigned configuration, base::Wall::time_point now);

    [[nodiscard]] std::size_t size() const;

  private:
    mutable std::mutex mutex_;
    std::unordered_map<journal::Key, Delay, journal::KeyHash> delays_;
};

// What the reply says by default, and the log.
inline constexpr std::string_view kDelayed = "message waits for its hours, try again later";
std::string delayed_until(base::Wall::time_point until);

// The first full minute after `now` within the hours; a week later when there is none.
base::Wall::time_point next_time(const policy::Span& hours, base::Wall::time_point now);

}  // namespace session
