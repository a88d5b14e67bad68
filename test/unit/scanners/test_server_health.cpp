#include <doctest/doctest.h>

#include "scanners/network/server_health.hpp"

namespace {

using scanners::network::ServerHealth;
using std::chrono::seconds;

bool always(std::size_t) {
    return true;
}

// Time as the tests count it.
ServerHealth::Time at(int second) {
    return ServerHealth::Time(seconds(1000 + second));
}

void fail_often(ServerHealth& health, std::size_t server, int second) {
    for (unsigned i = 0; i < ServerHealth::kFailures; ++i)
        health.failed(server, "refused", at(second));
}

}  // namespace

TEST_CASE("the first server is asked, the next when it was tried or has no room") {
    ServerHealth health("clamd main", {"a", "b"});
    CHECK(health.choose(0, always, at(0)).server == 0);
    CHECK(health.choose(1, always, at(0)).server == 1);
    CHECK_FALSE(health.choose(3, always, at(0)).server);
    CHECK_FALSE(health.choose(3, always, at(0)).busy);
    const auto full = [](std::size_t i) { return i == 1; };
    CHECK(health.choose(0, full, at(0)).server == 1);
    const auto none = health.choose(
        0, [](std::size_t) { return false; }, at(0));
    CHECK_FALSE(none.server);
    CHECK(none.busy);
}

TEST_CASE("only a row of failures puts a server aside") {
    ServerHealth health("clamd main", {"a"});
    for (int i = 0; i < 10; ++i) {
        health.failed(0, "x", at(0));
        health.failed(0, "x", at(0));
        health.answered(0, at(0));
    }
    CHECK(health.choose(0, always, at(0)).server == 0);
    fail_often(health, 0, 0);
    CHECK_FALSE(health.choose(0, always, at(0)).server);
}

TEST_CASE("a server is left alone for 1 s, 2 s and so on up to a minute, and one message tries it then") {
    ServerHealth health("clamd main", {"a", "b"});
    fail_often(health, 0, 0);
    int now = 0;
    for (int wait = 1; wait < 200; wait *= 2) {
        const int bounded = wait > 60 ? 60 : wait;
        CAPTURE(bounded);
        CHECK(health.choose(0, always, at(now + bounded - 1)).server == 1);
        now += bounded;
        CHECK(health.choose(0, always, at(now)).server == 0);
        CHECK(health.choose(0, always, at(now)).server == 1);  // it has its trial
        health.failed(0, "refused", at(now));
    }
    CHECK(health.choose(0, always, at(now + 60)).server == 0);
    health.given_up(0);
    CHECK(health.choose(0, always, at(now + 60)).server == 0);
    CHECK(health.describe(0, at(now + 60)).starts_with("down for "));
    health.answered(0, at(now + 60));
    CHECK(health.choose(0, always, at(now + 60)).server == 0);
    CHECK(health.choose(0, always, at(now + 60)).server == 0);
    CHECK(health.describe(0, at(now + 60)) == "up");
}

TEST_CASE("failures that began before a server was put aside do not make its back-off longer") {
    ServerHealth health("clamd main", {"a"});
    fail_often(health, 0, 0);
    fail_often(health, 0, 0);
    CHECK(health.choose(0, always, at(1)).server == 0);
}

TEST_CASE("the time of a message is shared by the servers that it can still be given to") {
    ServerHealth health("clamd main", {"a", "b", "c"});
    CHECK(health.usable(1, 0) == 3);
    CHECK(health.usable(3, 1) == 2);
    fail_often(health, 2, 0);
    CHECK(health.usable(1, 0) == 2);
    CHECK(health.usable(7, 2) == 1);
}
