// Who names too many unknown recipients.
#include <doctest/doctest.h>

#include "directory/guess_rate.hpp"

using directory::GuessRate;
using namespace std::chrono_literals;

TEST_CASE("beyond the limit of a minute each one is slow, and the first of them is told") {
    GuessRate rate;
    constexpr GuessRate::Time kStart{1000h};
    for (int i = 0; i < 3; ++i)
        CHECK_FALSE(rate.count("a", 3, kStart).slow);
    CHECK(rate.count("a", 3, kStart).first);
    CHECK_FALSE(rate.count("a", 3, kStart).first);
    CHECK(rate.count("a", 3, kStart + 59s).slow);
    CHECK_FALSE(rate.count("b", 3, kStart).slow);
    CHECK_FALSE(rate.count("a", 3, kStart + 60s).slow);
    for (int i = 0; i < 100; ++i)
        CHECK_FALSE(rate.count("c", 0, kStart).slow);
}

TEST_CASE("a full table slows nobody new") {
    GuessRate rate(2);
    constexpr GuessRate::Time kStart{1000h};
    rate.count("a", 1, kStart);
    rate.count("b", 1, kStart);
    for (int i = 0; i < 10; ++i)
        CHECK_FALSE(rate.count("c", 1, kStart).slow);
    CHECK(rate.count("a", 1, kStart).slow);
    rate.count("c", 1, kStart + 61s);
    CHECK(rate.count("c", 1, kStart + 61s).slow);
}
