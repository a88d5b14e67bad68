// What is remembered, for how long, and what goes first.
#include <doctest/doctest.h>

#include "directory/answer_cache.hpp"

using directory::AnswerCache;
using policy::Knowledge;
using namespace std::chrono_literals;

namespace {

constexpr AnswerCache::Time kStart{1000h};

}  // namespace

TEST_CASE("known and unknown have lives of their own, and what is unclear has none") {
    AnswerCache cache;
    cache.set_limits({10, 60s, 5s});
    cache.keep("a", {Knowledge::kKnown, "here", "box"}, kStart);
    cache.keep("b", {Knowledge::kUnknown}, kStart);
    cache.keep("c", {Knowledge::kDown}, kStart);
    cache.keep("d", {Knowledge::kCannotTell}, kStart);
    cache.keep("e", {Knowledge::kElsewhere}, kStart);
    CHECK(cache.counts().entries == 2);
    CHECK(cache.find("a", kStart)->mailbox == "box");
    CHECK(cache.find("b", kStart + 4999ms)->knowledge == Knowledge::kUnknown);
    CHECK_FALSE(cache.find("b", kStart + 5s));
    CHECK(cache.find("a", kStart + 59s));
    CHECK_FALSE(cache.find("a", kStart + 60s));
    CHECK(cache.counts().hits == 3);
    CHECK(cache.counts().misses == 2);
}

TEST_CASE("a newer answer takes the older one's place, and an unclear one takes it away") {
    AnswerCache cache;
    cache.set_limits({10, 60s, 60s});
    cache.keep("a", {Knowledge::kUnknown}, kStart);
    cache.keep("a", {Knowledge::kKnown}, kStart);
    CHECK(cache.find("a", kStart)->knowledge == Knowledge::kKnown);
    cache.keep("a", {Knowledge::kDown}, kStart);
    CHECK_FALSE(cache.find("a", kStart));
    CHECK(cache.counts().entries == 0);
}

TEST_CASE("what was used longest ago goes first") {
    AnswerCache cache;
    cache.set_limits({3, 60s, 60s});
    for (const auto* const key : {"a", "b", "c"})
        cache.keep(key, {Knowledge::kKnown}, kStart);
    CHECK(cache.find("a", kStart));
    cache.keep("d", {Knowledge::kKnown}, kStart);
    CHECK(cache.find("a", kStart));
    CHECK_FALSE(cache.find("b", kStart));
    CHECK(cache.counts().entries == 3);
    cache.set_limits({1, 60s, 60s});
    CHECK(cache.counts().entries == 1);
    CHECK(cache.find("a", kStart));
    cache.set_limits({0, 60s, 60s});
    cache.keep("x", {Knowledge::kKnown}, kStart);
    CHECK(cache.counts().entries == 0);
}
