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

std::size_t DownstreamHealth::Hash::operator()(const Server& server) const {
    std::uint64_t hash = server.endpoint.port + (static_cast<std::uint64_t>(server.tls) << 16);
    for (const auto octet : server.endpoint.address.mapped())
        hash = (hash ^ octet) * 0x100000001b3;  // FNV-1a
    return static_cast<std::size_t>(hash) ^ std::hash<std::string>{}(server.name);
}

DownstreamHealth::State& DownstreamHealth::state(const Server& server) {
    const auto found = states_.find(server);
    if (found != states_.end())
        return found->second;
    if (states_.size() >= kMaxStates)
        std::erase_if(states_, [](const auto& one) {
            return one.second.connections == 0 && !one.second.down && !one.second.trial;
        });
    if (states_.size() >= kMaxStates)  // all are down: what was known of them is worth little
        std::erase_if(states_, [](const auto& one) { return one.second.connections == 0; });
    return states_[server];
}

DownstreamHealth::Choice DownstreamHealth::choose(const Servers& servers, Mask tried, std::uint64_t draw, Time now) {
    const std::lock_guard lock(mutex_);
    Choice choice;
    std::vector<std::size_t> due;
    std::vector<std::size_t> up;  // of the least priority
    std::uint64_t weights = 0;
    for (std::size_t i = 0; i < servers.size(); ++i) {
        if (in_mask(tried, i))
            continue;
        const auto& known = state(servers[i]);
        if (known.down && !known.trial && known.retry <= now)
            due.push_back(i);
        if (known.down || (!up.empty() && servers[i].priority > servers[up.front()].priority))
            continue;
        up.push_back(i);
        weights += servers[i].weight;
    }
    if (up.empty() && !due.empty()) {
        choice.server = *std::ranges::min_element(due, {}, [&](std::size_t i) { return state(servers[i]).retry; });
        due = {*choice.server};
    } else {
        choice.trials = due;
    }
    for (auto share = weights == 0 ? 0 : draw % weights; const auto i : up) {
        choice.server = i;
        if (share < servers[i].weight)
            break;
        share -= servers[i].weight;
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

void DownstreamHealth::reached(const Server& server, const smtp::Extensions& extensions, Time now) {
    const std::lock_guard lock(mutex_);
    auto& known = state(server);
    known.extensions = extensions;
    known.answered = now;
    known.trial = false;
    if (std::exchange(known.down, false))
        base::log::event(base::log::kDownstreamUp, "{}, after {} s", server.to_string(),
                         whole_seconds(now - known.since));
}

void DownstreamHealth::failed(const Server& server, const std::string& why, Time now) {
    const std::lock_guard lock(mutex_);
    auto& known = state(server);
    known.failed = now;
    known.why = why;
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
    known.trial = false;
    known.retry = now + known.backoff;
}

void DownstreamHealth::given_up(const Server& server) {
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

void DownstreamHealth::opened(const Server& server) {
    const std::lock_guard lock(mutex_);
    ++state(server).connections;
}

void DownstreamHealth::closed(const Server& server) {
    const std::lock_guard lock(mutex_);
    auto& known = state(server);
    known.connections -= std::min(known.connections, 1U);
}

std::string DownstreamHealth::describe_locked(const Server& server, Time now) {
    const auto& known = state(server);
    if (!known.down)
        return fmt::format("{}: {}", server.to_string(), known.extensions ? "up" : "not asked yet");
    return fmt::format("{}: down for {} s, next try in {} s ({})", server.to_string(), whole_seconds(now - known.since),
                       std::max<std::int64_t>(0, whole_seconds(known.retry - now)), known.why);
}

std::string DownstreamHealth::describe(const Server& server, Time now) {
    const std::lock_guard lock(mutex_);
    return describe_locked(server, now);
}

std::vector<std::string> DownstreamHealth::describe(const Servers& servers, Time now) {
    std::vector<std::string> lines;
    for (const auto& server : servers)
        lines.push_back(describe(server, now));
    return lines;
}

std::string DownstreamHealth::describe_in_full(const Server& server, Time now) {
    const std::lock_guard lock(mutex_);
    const auto& known = state(server);
    auto text = fmt::format("{}, {} connections", describe_locked(server, now), known.connections);
    if (!known.down && !known.why.empty())
        text += fmt::format(", last error {} s ago: {}", whole_seconds(now - known.failed), known.why);
    return text;
}

}  // namespace session
