// Which server is asked, and when one that failed is asked again.
#include <doctest/doctest.h>

#include "directory/server_choice.hpp"

using directory::ServerChoice;
using Order = std::vector<std::size_t>;
using namespace std::chrono_literals;

TEST_CASE("all are asked in their order until one fails") {
    ServerChoice choice(2);
    const auto now = base::Monotonic::now();
    CHECK(choice.order(now) == Order{0, 1});
    CHECK(choice.why().empty());
    choice.failed(0, "refused", now);
    CHECK(choice.order(now) == Order{1});
    CHECK(choice.why() == "refused");
    CHECK(choice.order(now + 999ms) == Order{1});
}

TEST_CASE("one caller tries it when its back-off is over, the others leave it alone") {
    ServerChoice choice(2);
    const auto now = base::Monotonic::now();
    choice.failed(0, "refused", now);
    CHECK(choice.order(now + 1s) == Order{0, 1});
    CHECK(choice.order(now + 1s) == Order{1});
    choice.reached(0);
    CHECK(choice.order(now + 1s) == Order{0, 1});
    CHECK(choice.why().empty());
}

TEST_CASE("the back-off doubles with each trial that fails, up to a minute") {
    ServerChoice choice(1);
    auto now = base::Monotonic::now();
    choice.failed(0, "refused", now);
    for (const auto backoff : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
        CHECK(choice.order(now + backoff - 1ms).empty());
        now += backoff;
        CHECK(choice.order(now) == Order{0});
        choice.failed(0, "refused", now);
    }
}

TEST_CASE("several that were on the way when it went down are one failure") {
    ServerChoice choice(1);
    const auto now = base::Monotonic::now();
    for (int i = 0; i < 5; ++i)
        choice.failed(0, "gone", now);
    CHECK(choice.order(now + 1s) == Order{0});
}

TEST_CASE("a caller that never tells how it went delays the next trial only") {
    ServerChoice choice(1);
    const auto now = base::Monotonic::now();
    choice.failed(0, "gone", now);
    CHECK(choice.order(now + 1s) == Order{0});
    CHECK(choice.order(now + 1999ms).empty());
    CHECK(choice.order(now + 2s) == Order{0});
}
