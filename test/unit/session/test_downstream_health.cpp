#include <doctest/doctest.h>

#include "session/downstream_health.hpp"

using session::DownstreamHealth;
using session::Server;
using session::Servers;
using namespace std::chrono_literals;
using Positions = std::vector<std::size_t>;

namespace {

Server server(const char* address, std::uint32_t priority, std::uint64_t weight = 1) {
    return {.endpoint = {*net::Address::parse(address), 25}, .priority = priority, .weight = weight};
}

const Servers kServers{server("192.0.2.1", 0), server("192.0.2.2", 1), server("192.0.2.3", 2)};
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
    CHECK(health.choose(kServers, 0, 0, kStart).server == 0);
    health.failed(kServers[0], "refused", kStart);
    CHECK(health.choose(kServers, 0, 0, kStart).server == 1);
    health.failed(kServers[1], "refused", kStart);
    auto choice = health.choose(kServers, 0, 0, kStart + 999ms);
    CHECK(choice.server == 2);
    CHECK(choice.trials.empty());
    choice = health.choose(kServers, 0, 0, kStart + 1s);
    CHECK(choice.server == 2);
    CHECK(choice.trials == Positions{0, 1});
    CHECK(health.choose(kServers, 0, 0, kStart + 2s).trials.empty());  // those are still under way
    health.reached(kServers[0], with(true, 0), kStart + 2s);
    health.failed(kServers[1], "refused", kStart + 2s);
    CHECK(health.choose(kServers, 0, 0, kStart + 2s).server == 0);
    CHECK(health.choose(kServers, 1, 0, kStart + 2s).server == 2);
    CHECK_FALSE(health.choose(kServers, 5, 0, kStart + 2s).server);
}

TEST_CASE("the back-off doubles from a second to a minute, and begins anew after an answer") {
    DownstreamHealth health;
    const Servers one{kServers[0]};
    auto now = kStart;
    health.failed(one[0], "refused", now);
    for (const auto backoff : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
        CHECK_FALSE(health.choose(one, 0, 0, now + backoff - 1ms).server);
        now += backoff;
        CHECK(health.choose(one, 0, 0, now).server == 0);
        CHECK_FALSE(health.choose(one, 0, 0, now).server);  // one trial at a time
        health.failed(one[0], "refused", now);
    }
    health.choose(one, 0, 0, now + 60s);
    health.reached(one[0], {}, now + 60s);
    health.failed(one[0], "refused", now + 61s);
    CHECK(health.choose(one, 0, 0, now + 62s).server == 0);
}

TEST_CASE("many connections that fail together are one failure") {
    DownstreamHealth health;
    const Servers one{kServers[0]};
    for (int i = 0; i < 100; ++i)
        health.failed(one[0], "refused", kStart);
    CHECK(health.choose(one, 0, 0, kStart + 1s).server == 0);
}

TEST_CASE("a trial that was given up makes room for the next") {
    DownstreamHealth health;
    const Servers one{kServers[0]};
    health.failed(one[0], "refused", kStart);
    CHECK(health.choose(one, 0, 0, kStart + 1s).server == 0);
    health.given_up(one[0]);
    CHECK(health.choose(one, 0, 0, kStart + 1s).server == 0);
}

TEST_CASE("when all back off, the one whose time is up first is tried, and only it") {
    DownstreamHealth health;
    health.failed(kServers[2], "refused", kStart);
    health.failed(kServers[0], "refused", kStart + 100ms);
    health.failed(kServers[1], "refused", kStart + 200ms);
    CHECK_FALSE(health.choose(kServers, 0, 0, kStart + 900ms).server);
    const auto choice = health.choose(kServers, 0, 0, kStart + 5s);
    CHECK(choice.server == 2);
    CHECK(choice.trials.empty());
    CHECK(health.choose(kServers, 0, 0, kStart + 5s).server == 0);
    CHECK_FALSE(health.choose(kServers, 2, 0, kStart + 5s).server);
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

TEST_CASE("servers of one priority share the mail by their weights") {
    DownstreamHealth health;
    const Servers servers{server("192.0.2.1", 5, 1), server("192.0.2.2", 5, 3), server("192.0.2.3", 9, 100)};
    std::vector<unsigned> count(3);
    for (std::uint64_t draw = 0; draw < 400; ++draw)
        ++count[*health.choose(servers, 0, draw, kStart).server];
    CHECK(count == std::vector<unsigned>{100, 300, 0});

    // Of equals, those that are left take over; only then the next priority.
    health.failed(servers[1], "refused", kStart);
    for (std::uint64_t draw = 0; draw < 8; ++draw) {
        CHECK(health.choose(servers, 0, draw, kStart).server == 0);
        CHECK(health.choose(servers, 1, draw, kStart).server == 2);
    }
    health.failed(servers[0], "refused", kStart);
    CHECK(health.choose(servers, 0, 7, kStart).server == 2);
}

TEST_CASE("the same machine is another server when it is asked in another way") {
    DownstreamHealth health;
    const auto plain = server("192.0.2.1", 0);
    auto secured = plain;
    secured.tls = config::DownstreamTls::kVerified;
    auto elsewhere = plain;
    elsewhere.priority = 7;
    health.failed(secured, "certificate", kStart);
    CHECK(health.choose({plain}, 0, 0, kStart).server == 0);
    CHECK_FALSE(health.choose({secured}, 0, 0, kStart).server);
    health.failed(plain, "refused", kStart);
    CHECK_FALSE(health.choose({elsewhere}, 0, 0, kStart).server);  // where it stands in a route is no matter
}

TEST_CASE("not more servers are kept in mind than the bound") {
    DownstreamHealth health;
    const auto numbered = [](unsigned i) {
        return server(fmt::format("10.{}.{}.{}", i >> 16, (i >> 8) & 255, i & 255).c_str(), 0);
    };
    const auto busy = numbered(1);
    health.opened(busy);
    health.failed(busy, "refused", kStart);
    for (unsigned i = 2; i < 3 * DownstreamHealth::kMaxStates; ++i)
        health.choose({numbered(i)}, 0, 0, kStart);
    CHECK(health.describe(busy, kStart).find("down") != std::string::npos);
    CHECK_FALSE(health.choose({busy}, 0, 0, kStart).server);
}
