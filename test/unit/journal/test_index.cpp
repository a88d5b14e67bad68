#include <doctest/doctest.h>

#include "journal/index.hpp"
#include "samples.hpp"

using journal::Index;
using journal::Kind;

TEST_CASE("the last record of a key counts") {
    Index index;
    CHECK(index.find(key_of("x")) == nullptr);
    index.apply(record_of(Kind::kIntent, "x"), false);
    REQUIRE(index.find(key_of("x")) != nullptr);
    CHECK(index.find(key_of("x"))->kind == Kind::kIntent);
    index.apply(record_of(Kind::kDelivered, "x"), false);
    CHECK(index.find(key_of("x"))->kind == Kind::kDelivered);
    CHECK(std::string(index.find(key_of("x"))->id.data(), 14) == kId);
    CHECK(index.find(key_of("y")) == nullptr);
}

TEST_CASE("a withdrawn intent is as if it had never been, also when it is of the generation before") {
    Index index;
    index.apply(record_of(Kind::kIntent, "x"), false);
    index.begin_generation();
    index.apply(record_of(Kind::kWithdrawn, "x"), false);
    CHECK(index.find(key_of("x")) == nullptr);
}

TEST_CASE("two generations are remembered, the third is forgotten") {
    Index index;
    index.apply(record_of(Kind::kDelivered, "x"), false);
    index.begin_generation();
    CHECK(index.find(key_of("x")) != nullptr);
    index.begin_generation();
    CHECK(index.find(key_of("x")) == nullptr);
    CHECK(index.size() == 0);
}

TEST_CASE("what runs is never forgotten, and ends as other things do") {
    Index index;
    index.apply(record_of(Kind::kIntent, "x"), true);
    index.apply(record_of(Kind::kIntent, "y"), true);
    index.stop_waiting(key_of("y"));
    for (int i = 0; i < 5; ++i)
        index.begin_generation();
    REQUIRE(index.find(key_of("x")) != nullptr);
    CHECK(index.find(key_of("x"))->running);
    CHECK(index.find(key_of("y")) == nullptr);
    index.apply(record_of(Kind::kDelivered, "x"), true);
    CHECK_FALSE(index.find(key_of("x"))->running);
}

TEST_CASE("an intent that is given up stays known, but does not run") {
    Index index;
    index.apply(record_of(Kind::kIntent, "x"), true);
    index.stop_waiting(key_of("x"));
    REQUIRE(index.find(key_of("x")) != nullptr);
    CHECK_FALSE(index.find(key_of("x"))->running);
    CHECK(index.find(key_of("x"))->process == 0);
}

TEST_CASE("crashes are counted over two generations") {
    Index index;
    CHECK(index.crashes(key_of("m")) == 0);
    index.apply(record_of(Kind::kCrash, "m"), true);
    index.begin_generation();
    index.apply(record_of(Kind::kCrash, "m"), true);
    CHECK(index.crashes(key_of("m")) == 2);
    CHECK(index.find(key_of("m")) == nullptr);
    index.begin_generation();
    CHECK(index.crashes(key_of("m")) == 1);
}
