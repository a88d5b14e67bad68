#include "session/downstream_health.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"

namespace session {
namespace {

std::int64_t whole_seconds(base::Monotonic::duration time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time).count();
}

bool in_mask(DownstreamHealth::Mask mask, std::size_t position) {
    return (mask >> position & 1U) != 0;
}

}  // namespace

DownstreamHealth::State& DownstreamHealth::state(const net::Endpoint& server) {
    const auto found = std::ranges::find(states_, server, &State::server);
    return found != states_.end() ? *found : states_.emplace_back(State{.server = server, .extensions = {}, .why = {}});
}

DownstreamHealth::Choice DownstreamHealth::choose(const Servers& servers, Mask tried, Time now) {
    const std::lock_guard lock(mutex_);
    Choice choice;
    std::vector<std::size_t> due;
    for (std::size_t i = 0; i < servers.size(); ++i) {
        const auto& server = state(servers[i]);
        if (server.down && !server.trial && server.retry <= now)
            due.push_back(i);
        else if (!server.down && !choice.server && !in_mask(tried, i))
            choice.server = i;
    }
    std::erase_if(due, [tried](std::size_t i) { return in_mask(tried, i); });
    if (!choice.server && !due.empty()) {
        choice.server = *std::ranges::min_element(due, {}, [&](std::size_t i) { return state(servers[i]).retry; });
        due = {*choice.server};
    } else {
        choice.trials = due;
    }
    for (const auto i : due)
        state(servers[i]).trial = true;
    return choice;
}

std::vector<std::size_t> DownstreamHealth::unknown(const Servers& servers) {
    const std::lock_guard lock(mutex_);
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < servers.size(); ++i) {
        auto& server = state(servers[i]);
        if (server.down || server.trial || server.extensions)
            continue;
        server.trial = true;
        found.push_back(i);
    }
    return found;
}

void DownstreamHealth::reached(const net::Endpoint& server, const smtp::Extensions& extensions, Time now) {
    const std::lock_guard lock(mutex_);
    auto& known = state(server);
    known.extensions = extensions;
    known.answered = now;
    known.trial = false;
    if (std::exchange(known.down, false))
        base::log::event(base::log::kDownstreamUp, "{}, after {} s", server.to_string(),
                         whole_seconds(now - known.since));
}

void DownstreamHealth::failed(const net::Endpoint& server, const std::string& why, Time now) {
    const std::lock_guard lock(mutex_);
    auto& known = state(server);
    if (!known.down) {
        base::log::event(base::log::kDownstreamDown, "{}: {}", server.to_string(), why);
        known.down = true;
        known.since = now;
        known.backoff = kFirstBackoff;
    } else if (known.trial) {
        known.backoff = std::min<std::chrono::seconds>(2 * known.backoff, kLongestBackoff);
    } else {
        return;  // it began before the server was known to be down: many fail together, and that is one failure
    }
    known.why = why;
    known.trial = false;
    known.retry = now + known.backoff;
}

void DownstreamHealth::given_up(const net::Endpoint& server) {
    const std::lock_guard lock(mutex_);
    state(server).trial = false;
}

std::optional<smtp::Extensions> DownstreamHealth::offer(const Servers& servers, Time now) {
    const std::lock_guard lock(mutex_);
    std::optional<smtp::Extensions> common;
    bool any_up = false;
    for (const auto& server : servers) {
        const auto& known = state(server);
        if (!known.extensions || (known.down && now - known.answered > kRemembered))
            continue;
        any_up = any_up || !known.down;
        common = common ? smtp::both(*common, *known.extensions) : *known.extensions;
    }
    return any_up ? common : std::nullopt;
}

std::vector<std::string> DownstreamHealth::describe(const Servers& servers, Time now) {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> lines;
    for (const auto& server : servers) {
        const auto& known = state(server);
        if (known.down)
            lines.push_back(fmt::format("{}: down for {} s, next try in {} s ({})", server.to_string(),
                                        whole_seconds(now - known.since),
                                        std::max<std::int64_t>(0, whole_seconds(known.retry - now)), known.why));
        else
            lines.push_back(fmt::format("{}: {}", server.to_string(), known.extensions ? "up" : "not asked yet"));
    }
    return lines;
}

}  // namespace session
