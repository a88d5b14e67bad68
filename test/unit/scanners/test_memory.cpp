// What a worker's heap keeps.
#include <doctest/doctest.h>
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <vector>

#include "scanners/worker/memory.hpp"

// The sanitizers have heaps of their own.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANDWICH_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDWICH_SANITIZED
#endif

#ifndef SANDWICH_SANITIZED
namespace {

constexpr std::size_t kMiB = 1U << 20;

// Free memory that the process holds on to, after `blocks` of 64 KiB were used for a moment.
std::size_t free_after(std::size_t blocks) {
    std::vector<std::unique_ptr<char[]>> used;
    used.reserve(blocks);  // below them: nothing that stays may lie above
    for (std::size_t i = 0; i < blocks; ++i)
        used.push_back(std::make_unique<char[]>(64U << 10));
    used.clear();
    return ::mallinfo2().fordblks;
}

// In a process of its own, like a worker: how its heap works is for good.
bool holds(bool (*condition)()) {
    const auto child = ::fork();
    if (child == 0)
        ::_exit(condition() ? 0 : 1);
    int status = 0;
    return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

TEST_CASE("what one file of a mail took is there for the next one") {
    CHECK(holds([] {
        scanners::keep_heap();
        return free_after(128) >= 8 * kMiB;
    }));
    CHECK(holds([] { return free_after(128) < 4 * kMiB; }));  // unlike the C library by itself
}

TEST_CASE("after a mail what many files took goes back to the system") {
    CHECK(holds([] {
        scanners::keep_heap();
        free_after(480);  // 30 MiB
        scanners::shrink_heap();
        const auto left = ::mallinfo2().fordblks;
        return left >= 8 * kMiB && left <= 20 * kMiB;
    }));
}
#endif
