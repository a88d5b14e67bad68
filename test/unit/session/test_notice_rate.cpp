// How many notices an address gets in an hour.
#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "session/notice_rate.hpp"

using session::NoticeRate;
using namespace std::chrono_literals;

namespace {

// An hour that begins inside a slice of five minutes.
constexpr NoticeRate::Time kStart{1000h + 3min};

}  // namespace

TEST_CASE("each notice has its own number for each address") {
    NoticeRate rate;
    CHECK(rate.allow("a", "x@y.test", 2, kStart));
    CHECK(rate.allow("a", "X@Y.test", 2, kStart + 1s));
    CHECK_FALSE(rate.allow("a", "x@y.test", 2, kStart + 2s));
    CHECK(rate.allow("b", "x@y.test", 2, kStart + 2s));
    CHECK(rate.allow("a", "z@y.test", 2, kStart + 2s));
    CHECK(rate.size() == 3);
    // 0: any number, and nothing is remembered.
    for (int i = 0; i < 1000; ++i)
        CHECK(rate.allow("c", "x@y.test", 0, kStart));
    CHECK(rate.size() == 3);
}

TEST_CASE("in no sixty minutes are there more") {
    for (const auto step : {7s, 61s, 299s, 300s, 301s, 1000s}) {
        NoticeRate rate;
        std::vector<NoticeRate::Time> sent;
        constexpr std::size_t kPerHour = 5;
        for (auto now = kStart; now < kStart + 5h; now += step)
            if (rate.allow("a", "x@y.test", kPerHour, now))
                sent.push_back(now);
        for (std::size_t i = kPerHour; i < sent.size(); ++i)
            CHECK(sent[i] - sent[i - kPerHour] >= 60min);
        // And not many fewer: after 65 minutes there is room again.
        const auto least = 5h / 65min * kPerHour;
        CHECK(sent.size() >= std::min<std::size_t>(static_cast<std::size_t>(least), 5h / step));
    }
}

TEST_CASE("what was refused does not count") {
    NoticeRate rate;
    const auto room = kStart + 62min;  // the slice of the first one ends, and an hour
    for (auto now = kStart; now < room; now += 10s)
        CHECK(rate.allow("a", "x@y.test", 1, now) == (now == kStart));
    CHECK(rate.allow("a", "x@y.test", 1, room));
}

TEST_CASE("a full table takes nobody new until somebody has had nothing for an hour") {
    NoticeRate rate(100);
    for (int i = 0; i < 100; ++i)
        CHECK(rate.allow("a", std::to_string(i), 5, kStart + i * 1s));
    CHECK_FALSE(rate.allow("a", "new", 5, kStart + 10min));
    CHECK(rate.allow("a", "7", 5, kStart + 10min));
    CHECK_FALSE(rate.allow("a", "new", 5, kStart + 59min));
    CHECK(rate.allow("a", "new", 5, kStart + 70min));
    CHECK(rate.size() == 2);  // and the one that had one later
    CHECK(rate.allow("a", "7", 1, kStart + 80min));
    CHECK_FALSE(rate.allow("a", "7", 1, kStart + 80min));
}

TEST_CASE("threads together get no more") {
    NoticeRate rate;
    std::atomic<unsigned> allowed{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int turn = 0; turn < 1000; ++turn)
                if (rate.allow("a", "x@y.test", 1234, kStart))
                    ++allowed;
        });
    for (auto& thread : threads)
        thread.join();
    CHECK(allowed == 1234);
}
