// DownstreamHealth: which delivery servers answer and what they offer; shared by all loops and all routes.
//
// A server that fails is left alone for a back-off, 1 s at first and doubled with each failure up to a minute; when
// that is over, one connection tries it, and the others wait for how that ends. It counts as up with its first answer
// to EHLO. Thread-safe: no call blocks, calls back or does I/O, but for log lines.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "session/server.hpp"
#include "smtp/extensions.hpp"

namespace session {

class DownstreamHealth {
  public:
    using Time = base::Monotonic::time_point;
    using Mask = std::uint32_t;  // of positions in Servers; kMaxServers fit in
    static_assert(kMaxServers <= 32);

    static constexpr auto kFirstBackoff = std::chrono::seconds(1);
    static constexpr auto kLongestBackoff = std::chrono::minutes(1);
    // What a server said longer ago, if it is down, is no reason to promise less.
    static constexpr auto kRemembered = std::chrono::hours(1);
    // Servers that are kept in mind; beyond, those that nobody uses are forgotten.
    static constexpr std::size_t kMaxStates = 20000;

    struct Choice {
        std::optional<std::size_t> server;  // position in Servers; empty: all are backing off
        std::vector<std::size_t> trials;    // to be tried beside it, now, by the caller: so no mail waits for them
    };
    // Of those that are up, leaving out those in `tried`, one of the least priority, by weight: `draw` is any number,
    // each as likely as the next. When none is up, the one whose back-off is over first, if it is over: the caller is
    // then its trial.
    Choice choose(const Servers& servers, Mask tried, std::uint64_t draw, Time now = base::Monotonic::now());
    // Servers that nobody has asked yet what they offer: the caller is to ask them.
    std::vector<std::size_t> unknown(const Servers& servers);

    // How a connection went: EHLO was answered; or it failed before, or was silent; or nobody wanted to know any more.
    void reached(const Server& server, const smtp::Extensions& extensions, Time now = base::Monotonic::now());
    void failed(const Server& server, const std::string& why, Time now = base::Monotonic::now());
    void given_up(const Server& server);
    // A connection to it was begun or is no more; for people.
    void opened(const Server& server);
    void closed(const Server& server);

    // What every server offers that is up or was lately; empty: none has answered yet, or all are down.
    std::optional<smtp::Extensions> offer(const Servers& servers, Time now = base::Monotonic::now());

    // "127.0.0.1:19000: up", for people.
    std::string describe(const Server& server, Time now = base::Monotonic::now());
    std::vector<std::string> describe(const Servers& servers, Time now = base::Monotonic::now());
    // The same with the connections open now and the last error: "up, 3 connections, last error 12 s ago: ...".
    std::string describe_in_full(const Server& server, Time now = base::Monotonic::now());

  private:
    struct State {
        std::optional<smtp::Extensions> extensions{};  // as it said last
        Time answered{};
        bool down = false;
        bool trial = false;  // somebody is trying it
        Time since{};        // down: when it began
        Time retry{};        // down: when the back-off is over
        Time failed{};       // the last time
        std::chrono::seconds backoff{};
        std::string why{};
        unsigned connections = 0;
    };
    struct Same {
        bool operator()(const Server& one, const Server& other) const { return one.same_as(other); }
    };
    struct Hash {
        std::size_t operator()(const Server& server) const;
    };
    State& state(const Server& server);
    std::string describe_locked(const Server& server, Time now);

    std::mutex mutex_;
    std::unordered_map<Server, State, Hash, Same> states_;  // servers of an older configuration stay
};

}  // namespace session
