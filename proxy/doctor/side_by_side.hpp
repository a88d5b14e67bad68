// Many small jobs that wait for others, on a few threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

namespace doctor {

inline constexpr std::size_t kSideBySide = 32;

// Calls `job` with 0 ... count-1, up to kSideBySide of them at once, and returns when all are done. `job` throws
// nothing, and each call writes to a place of its own.
inline void side_by_side(std::size_t count, const std::function<void(std::size_t)>& job) {
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
        for (std::size_t i = next++; i < count; i = next++)
            job(i);
    };
    std::vector<std::thread> threads;
    for (std::size_t i = 1; i < std::min(count, kSideBySide); ++i)
        threads.emplace_back(work);
    work();
    for (auto& thread : threads)
        thread.join();
}

}  // namespace doctor
