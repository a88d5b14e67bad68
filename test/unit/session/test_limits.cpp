#include <doctest/doctest.h>

#include "session/limits.hpp"

using session::Limit;
using session::Limits;

TEST_CASE("every limit has a name of its own") {
    for (std::size_t i = 0; i < session::kLimits; ++i) {
        const auto name = to_string(static_cast<Limit>(i));
        CHECK_FALSE(name.empty());
        for (std::size_t j = 0; j < i; ++j)
            CHECK(name != to_string(static_cast<Limit>(j)));
    }
    CHECK(to_string(Limit::kConnections) == "max_connections");
    CHECK(to_string(Limit::kScanQueue) == "worker.queue");
    CHECK(to_string(Limit::kMessageSize) == "message_size_limit");
}

TEST_CASE("what was reached is counted by name, also when no line is written") {
    Limits limits;
    CHECK(limits.summary() == "none reached");
    const Limits::Time now{};
    for (int i = 0; i < 1000; ++i)
        limits.reached(Limit::kConnections, {}, now);
    limits.reached(Limit::kRecipients, {}, now);
    CHECK(limits.count(Limit::kConnections) == 1000);
    CHECK(limits.count(Limit::kErrors) == 0);
    CHECK(limits.summary() == "max_connections 1000, max_recipients 1");
}
