// Each job is run or dropped, once; the queue is bounded.
#include <doctest/doctest.h>

#include <atomic>
#include <future>

#include "directory/worker_threads.hpp"

using directory::WorkerThreads;

namespace {

struct Counts {
    std::atomic<int> run{0};
    std::atomic<int> dropped{0};

    WorkerThreads::Job job() {
        return {[this](std::size_t) { ++run; }, [this] { ++dropped; }};
    }
};

// Holds up a thread until it is let go.
struct Gate {
    std::promise<void> begun;
    std::promise<void> open;

    WorkerThreads::Job job() {
        return {[this, opened = open.get_future().share()](std::size_t) {
                    begun.set_value();
                    opened.wait();
                },
                [] {}};
    }
};

}  // namespace

TEST_CASE("jobs run on threads that are told apart by their number") {
    std::promise<std::size_t> number;
    WorkerThreads threads(2, 10);
    WorkerThreads::Job job{[&](std::size_t thread) { number.set_value(thread); }, [] {}};
    REQUIRE(threads.add(job));
    CHECK(number.get_future().get() < 2);
}

TEST_CASE("what finds the queue full is left as it is; what waits at the end is dropped") {
    Counts counts;
    Gate gate;
    {
        WorkerThreads threads(1, 2);
        auto first = gate.job();
        REQUIRE(threads.add(first));
        gate.begun.get_future().wait();
        for (int i = 0; i < 2; ++i) {
            auto job = counts.job();
            CHECK(threads.add(job));
        }
        auto surplus = counts.job();
        CHECK_FALSE(threads.add(surplus));
        CHECK(surplus.run);
        // Ends while the first job holds up the only thread: none of the others begins.
        auto ending = std::async(std::launch::async, [&] { gate.open.set_value(); });
    }
    CHECK(counts.run + counts.dropped == 2);
}

TEST_CASE("every job is done or dropped, whenever the threads end") {
    Counts counts;
    int taken = 0;
    {
        WorkerThreads threads(3, 100000);
        for (int i = 0; i < 10000; ++i) {
            auto job = counts.job();
            taken += threads.add(job) ? 1 : 0;
        }
    }
    CHECK(taken == 10000);
    CHECK(counts.run + counts.dropped == taken);
}
