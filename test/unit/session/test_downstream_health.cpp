#include <doctest/doctest.h>

#include "session/downstream_health.hpp"

using session::DownstreamHealth;
using namespace std::chrono_literals;
using Positions = std::vector<std::size_t>;

namespace {

const DownstreamHealth::Servers kServers{{*net::Address::parse("192.0.2.1"), 25},
                                         {*net::Address::parse("192.0.2.2"), 25},
                                         {*net::Address::parse("192.0.2.3"), 25}};
const DownstreamHealth::Time kStart = base::Monotonic::now();

smtp::Extensions with(bool dsn, std::uint64_t limit) {
    smtp::Extensions extensions;
    extensions.pipelining = extensions.eight_bit_mime = extensions.size = true;
    extensions.dsn = dsn;
    extensions.size_limit = limit;
    return extensions;
}

}  // namespace

TEST_CASE("the first server in the list that is up is used; a failed one is tried beside it, once each back-off") {
    DownstreamHealth health;
    CHECK(health.choose(kServers, 0, kStart).server == 0);
    health.failed(kServers[0], "refused", kStart);
    CHECK(health.choose(kServers, 0, kStart).server == 1);
    health.failed(kServers[1], "refused", kStart);
    auto choice = health.choose(kServers, 0, kStart + 999ms);
    CHECK(choice.server == 2);
    CHECK(choice.trials.empty());
    choice = health.choose(kServers, 0, kStart + 1s);
    CHECK(choice.server == 2);
    CHECK(choice.trials == Positions{0, 1});
    CHECK(health.choose(kServers, 0, kStart + 2s).trials.empty());  // those are still under way
    health.reached(kServers[0], with(true, 0), kStart + 2s);
    health.failed(kServers[1], "refused", kStart + 2s);
    CHECK(health.choose(kServers, 0, kStart + 2s).server == 0);
    CHECK(health.choose(kServers, 1, kStart + 2s).server == 2);
    CHECK_FALSE(health.choose(kServers, 5, kStart + 2s).server);
}

TEST_CASE("the back-off doubles from a second to a minute, and begins anew after an answer") {
    DownstreamHealth health;
    const DownstreamHealth::Servers one{kServers[0]};
    auto now = kStart;
    health.failed(one[0], "refused", now);
    for (const auto backoff : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
        CHECK_FALSE(health.choose(one, 0, now + backoff - 1ms).server);
        now += backoff;
        CHECK(health.choose(one, 0, now).server == 0);
        CHECK_FALSE(health.choose(one, 0, now).server);  // one trial at a time
        health.failed(one[0], "refused", now);
    }
    health.choose(one, 0, now + 60s);
    health.reached(one[0], {}, now + 60s);
    health.failed(one[0], "refused", now + 61s);
    CHECK(health.choose(one, 0, now + 62s).server == 0);
}

TEST_CASE("many connections that fail together are one failure") {
    DownstreamHealth health;
    const DownstreamHealth::Servers one{kServers[0]};
    for (int i = 0; i < 100; ++i)
        health.failed(one[0], "refused", kStart);
    CHECK(health.choose(one, 0, kStart + 1s).server == 0);
}

TEST_CASE("a trial that was given up makes room for the next") {
    DownstreamHealth health;
    const DownstreamHealth::Servers one{kServers[0]};
    health.failed(one[0], "refused", kStart);
    CHECK(health.choose(one, 0, kStart + 1s).server == 0);
    health.given_up(one[0]);
    CHECK(health.choose(one, 0, kStart + 1s).server == 0);
}

TEST_CASE("when all back off, the one whose time is up first is tried, and only it") {
    DownstreamHealth health;
    health.failed(kServers[2], "refused", kStart);
    health.failed(kServers[0], "refused", kStart + 100ms);
    health.failed(kServers[1], "refused", kStart + 200ms);
    CHECK_FALSE(health.choose(kServers, 0, kStart + 900ms).server);
    const auto choice = health.choose(kServers, 0, kStart + 5s);
    CHECK(choice.server == 2);
    CHECK(choice.trials.empty());
    CHECK(health.choose(kServers, 0, kStart + 5s).server == 0);
    CHECK_FALSE(health.choose(kServers, 2, kStart + 5s).server);
}

TEST_CASE("what is offered is what every server offers that answered lately") {
    DownstreamHealth health;
    CHECK_FALSE(health.offer(kServers, kStart));
    CHECK(health.unknown(kServers) == Positions{0, 1, 2});
    CHECK(health.unknown(kServers).empty());
    health.reached(kServers[0], with(true, 0), kStart);
    CHECK(health.offer(kServers, kStart) == with(true, 0));
    health.reached(kServers[1], with(false, 1000), kStart);
    CHECK(health.offer(kServers, kStart) == with(false, 1000));
    health.failed(kServers[1], "refused", kStart);
    CHECK(health.offer(kServers, kStart + 1h) == with(false, 1000));
    CHECK(health.offer(kServers, kStart + 2h) == with(true, 0));
    health.failed(kServers[0], "refused", kStart);
    CHECK_FALSE(health.offer(kServers, kStart));  // all that ever answered are down
}

TEST_CASE("the state of each server in words") {
    DownstreamHealth health;
    health.reached(kServers[0], {}, kStart);
    health.failed(kServers[1], "Connection refused", kStart);
    CHECK(health.describe(kServers, kStart + 10s) ==
          std::vector<std::string>{"192.0.2.1:25: up",
                                   "192.0.2.2:25: down for 10 s, next try in 0 s (Connection refused)",
                                   "192.0.2.3:25: not asked yet"});
}
