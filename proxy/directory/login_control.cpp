#include "directory/login_control.hpp"

#include "directory/login_talk.hpp"

namespace directory {

base::Status try_control_user(const config::LoginServer& settings, const config::HostPort& server,
                              const base::Result<Secret>& password, base::Monotonic::time_point deadline,
                              const std::string& at) {
    if (!password)
        return base::error("control_user cannot be asked for: {}", password.error().message);
    const auto talk = log_in(settings, server, settings.control_user, *password, deadline, at);
    if (!talk)
        return base::error("it cannot be asked for control_user: {}", talk.error().message);
    switch (talk->verdict.kind) {
        case LoginVerdict::Kind::kRight:
            return base::ok();
        case LoginVerdict::Kind::kWrong:
            return base::error("it refuses even control_user: {}", talk->verdict.reason);
        case LoginVerdict::Kind::kCannotTell:
            break;
    }
    return base::error("it cannot tell of control_user: {}", talk->verdict.reason);
}

bool LoginControl::Known::stands(Time now) const {
    return now < asked + (answer ? Time::duration(kBelieved) : Time::duration(kDoubted));
}

base::Status LoginControl::ask(const std::string& place, const Question& question, Time now) {
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(known_, [&](const auto& entry) { return !entry.second.stands(now); });
        if (const auto found = known_.find(place); found != known_.end())
            return found->second.answer;
    }
    const Known latest{question(), now};
    const std::lock_guard lock(mutex_);
    // Of two that were asked at the same time the one that was asked later counts.
    if (const auto found = known_.find(place); found == known_.end() || found->second.asked <= now)
        known_.insert_or_assign(place, latest);
    return latest.answer;
}

std::size_t LoginControl::kept() const {
    const std::lock_guard lock(mutex_);
    return known_.size();
}

}  // namespace directory
