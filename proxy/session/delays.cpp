#include "session/delays.hpp"

#include <fmt/format.h>

#include <utility>

#include "policy/condition.hpp"

namespace session {

void Delays::remember(const journal::Key& recipient, Delay delay, base::Wall::time_point now) {
    const std::lock_guard lock(mutex_);
    if (delays_.size() >= kMax)
        std::erase_if(delays_, [now](const auto& entry) { return entry.second.until <= now; });
    if (delays_.size() < kMax || delays_.contains(recipient))
        delays_[recipient] = std::move(delay);
}

std::optional<Delays::Delay> Delays::find(const journal::Key& recipient, unsigned configuration,
                                          base::Wall::time_point now) {
    const std::lock_guard lock(mutex_);
    const auto found = delays_.find(recipient);
    if (found == delays_.end())
        return std::nullopt;
    if (found->second.until > now && found->second.configuration == configuration)
        return found->second;
    delays_.erase(found);
    return std::nullopt;
}

std::size_t Delays::size() const {
    const std::lock_guard lock(mutex_);
    return delays_.size();
}

std::string delayed_until(base::Wall::time_point until) {
    const auto local = base::local_time(until);
    return fmt::format("Deferred: until {:02}:{:02}", local.tm_hour, local.tm_min);
}

base::Wall::time_point next_time(const policy::Span& hours, base::Wall::time_point now) {
    using std::chrono::minutes;
    constexpr auto kWeek = minutes(7 * 24 * 60);
    auto when = std::chrono::time_point_cast<minutes>(now);
    const auto end = when + kWeek;
    do {
        when += minutes(1);
        const auto local = base::local_time(when);
        if (hours.contains(policy::Moment::at(local.tm_wday, local.tm_hour, local.tm_min)))
            break;
    } while (when < end);
    return when;
}

}  // namespace session
