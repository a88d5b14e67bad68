// DownstreamHealth: which delivery servers answer and what they offer; shared by all loops.
//
// A server that fails is left alone for a back-off, 1 s at first and doubled with each failure up to a minute; when
// that is over, one connection tries it, and the others wait for how that ends. It counts as up with its first answer
// to EHLO. Thread-safe: no call blocks, calls back or does I/O, but for log lines.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "net/address.hpp"
#include "smtp/extensions.hpp"

namespace session {

class DownstreamHealth {
  public:
    using Time = base::Monotonic::time_point;
    using Servers = std::vector<net::Endpoint>;
    using Mask = std::uint32_t;  // of positions in Servers; net::ServerList::kMax fit in

    static constexpr auto kFirstBackoff = std::chrono::seconds(1);
    static constexpr auto kLongestBackoff = std::chrono::minutes(1);
    // What a server said longer ago, if it is down, is no reason to promise less.
    static constexpr auto kRemembered = std::chrono::hours(1);

    struct Choice {
        std::optional<std::size_t> server;  // position in Servers; empty: all are backing off
        std::vector<std::size_t> trials;    // to be tried beside it, now, by the caller: so no mail waits for them
    };
    // The first server that is up, leaving out those in `tried`; when none is, the one whose back-off is over first, if
    // it is over: the caller is then its trial.
    Choice choose(const Servers& servers, Mask tried, Time now = base::Monotonic::now());
    // Servers that nobody has asked yet what they offer: the caller is to ask them.
    std::vector<std::size_t> unknown(const Servers& servers);

    // How a connection went: EHLO was answered; or it failed before, or was silent; or nobody wanted to know any more.
    void reached(const net::Endpoint& server, const smtp::Extensions& extensions, Time now = base::Monotonic::now());
    void failed(const net::Endpoint& server, const std::string& why, Time now = base::Monotonic::now());
    void given_up(const net::Endpoint& server);

    // What every server offers that is up or was lately; empty: none has answered yet, or all are down.
    std::optional<smtp::Extensions> offer(const Servers& servers, Time now = base::Monotonic::now());

    // "127.0.0.1:19000: up", one a server, for people.
    std::vector<std::string> describe(const Servers& servers, Time now = base::Monotonic::now());

  private:
    struct State {
        net::Endpoint server;
        std::optional<smtp::Extensions> extensions;  // as it said last
        Time answered{};
        bool down = false;
        bool trial = false;  // somebody is trying it
        Time since{};        // down: when it began
        Time retry{};        // down: when the back-off is over
        std::chrono::seconds backoff{};
        std::string why;
    };
    State& state(const net::Endpoint& server);

    std::mutex mutex_;
    std::vector<State> states_;  // few; servers of an older configuration stay
};

}  // namespace session
