#include "directory/server_choice.hpp"

#include <algorithm>
#include <utility>

namespace directory {

std::vector<std::size_t> ServerChoice::order(Time now) {
    const std::lock_guard lock(mutex_);
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < states_.size(); ++i) {
        auto& state = states_[i];
        if (state.down && now < state.retry)
            continue;
        if (state.down) {
            state.trial = true;
            state.retry = now + state.backoff;  // for the others
        }
        found.push_back(i);
    }
    return found;
}

void ServerChoice::reached(std::size_t server) {
    const std::lock_guard lock(mutex_);
    states_.at(server) = {};
}

void ServerChoice::failed(std::size_t server, std::string why, Time now) {
    const std::lock_guard lock(mutex_);
    auto& state = states_.at(server);
    // Several may have been on the way when it went down: that is one failure.
    if (state.down && !state.trial)
        return;
    state.backoff = state.down ? std::min<std::chrono::seconds>(state.backoff * 2, kLongestBackoff) : kFirstBackoff;
    state.down = true;
    state.trial = false;
    state.retry = now + state.backoff;
    state.why = std::move(why);
}

std::string ServerChoice::why() const {
    const std::lock_guard lock(mutex_);
    for (const auto& state : states_)
        if (state.down)
            return state.why;
    return {};
}

}  // namespace directory
