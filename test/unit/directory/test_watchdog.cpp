// What is done at a deadline, and what is not.
#include <doctest/doctest.h>

#include <atomic>
#include <future>

#include "directory/watchdog.hpp"

using directory::Watchdog;
using namespace std::chrono_literals;

TEST_CASE("the act is done at its deadline, once, whatever else waits") {
    Watchdog watchdog;
    std::promise<void> done;
    std::atomic<int> later{0};
    const auto now = base::Monotonic::now();
    const Watchdog::Guard far(watchdog, now + 1h, [&] { ++later; });
    const Watchdog::Guard near(watchdog, now + 20ms, [&] { done.set_value(); });
    done.get_future().wait();
    CHECK(base::Monotonic::now() >= now + 20ms);
    CHECK(later == 0);
}

TEST_CASE("one that has been called off is never done") {
    std::atomic<int> count{0};
    Watchdog watchdog;
    for (int i = 0; i < 1000; ++i)
        const Watchdog::Guard guard(watchdog, base::Monotonic::now() + 1h, [&] { ++count; });
    CHECK(count == 0);
}

TEST_CASE("a deadline that has passed is kept at once; its guard may end meanwhile") {
    Watchdog watchdog;
    for (int i = 0; i < 200; ++i) {
        auto done = std::make_shared<std::promise<void>>();
        auto future = done->get_future();
        const Watchdog::Guard guard(watchdog, base::Monotonic::now() - 1s, [done] { done->set_value(); });
        future.wait();
    }
}
