#include "scanners/network/server_health.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.hpp"

namespace scanners::network {
namespace {

std::int64_t whole_seconds(base::Monotonic::duration time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time).count();
}

bool in_mask(ServerHealth::Mask mask, std::size_t position) {
    return (mask >> position & 1U) != 0;
}

}  // namespace

ServerHealth::ServerHealth(std::string scanner, std::vector<std::string> servers) : scanner_(std::move(scanner)) {
    for (auto& server : servers) {
        states_.emplace_back();
        states_.back().name = std::move(server);
    }
}

ServerHealth::Choice ServerHealth::choose(Mask tried, const std::function<bool(std::size_t)>& has_room, Time now) {
    Choice choice;
    for (std::size_t i = 0; i < states_.size(); ++i) {
        auto& server = states_[i];
        if (in_mask(tried, i) || (server.down && (server.trial || now < server.retry)))
            continue;
        if (!has_room(i)) {
            choice.busy = true;
            continue;
        }
        server.trial = server.down;
        return {i, false};
    }
    return choice;
}

void ServerHealth::answered(std::size_t position, Time now) {
    auto& server = states_[position];
    server.asked = true;
    server.failures = 0;
    server.trial = false;
    if (std::exchange(server.down, false))
        base::log::event(base::log::kNetworkScannerUp, "{}: {}, after {} s", scanner_, server.name,
                         whole_seconds(now - server.since));
}

void ServerHealth::failed(std::size_t position, const std::string& why, Time now) {
    auto& server = states_[position];
    server.asked = true;
    ++server.failures;
    if (!server.down) {
        if (server.failures < kFailures)
            return;
        base::log::event(base::log::kNetworkScannerDown, "{}: {}: {}", scanner_, server.name, why);
        server.down = true;
        server.since = now;
        server.backoff = kFirstBackoff;
    } else if (server.trial) {
        server.backoff = std::min<std::chrono::seconds>(2 * server.backoff, kLongestBackoff);
    } else {
        return;  // it began before the server was known to be down: many fail together, and that is one failure
    }
    server.why = why;
    server.trial = false;
    server.retry = now + server.backoff;
}

void ServerHealth::given_up(std::size_t server) {
    states_[server].trial = false;
}

std::size_t ServerHealth::usable(Mask tried, std::size_t chosen) const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < states_.size(); ++i)
        count += i == chosen || (!in_mask(tried, i) && !states_[i].down) ? 1U : 0U;
    return count;
}

std::string ServerHealth::describe(std::size_t position, Time now) const {
    const auto& server = states_[position];
    if (!server.down)
        return server.asked ? "up" : "not asked yet";
    return fmt::format("down for {} s, next try in {} s ({})", whole_seconds(now - server.since),
                       std::max<std::int64_t>(0, whole_seconds(server.retry - now)), server.why);
}

}  // namespace scanners::network
