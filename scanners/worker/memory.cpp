// libclamav takes some hundred KiB and more for every file that it looks at (the state of its matchers, which grows
// with the signatures), fills them, and frees them. By its defaults the C library gives them back to the system each
// time, and the next file pays for new pages.
#include "scanners/worker/memory.hpp"

#include <malloc.h>

#include <cstddef>

namespace scanners {
namespace {

constexpr int kMiB = 1 << 20;

// Of each worker, between two mails.
constexpr std::size_t kKept = 16U * kMiB;
// During a mail. It counts in the limit on a worker's memory (worker_memory_limit), though nobody uses it.
constexpr int kKeptWithinMail = 32 * kMiB;
// Bigger blocks come from the system and go back to it at once; the C library takes no higher value.
constexpr int kBigBlock = 32 * kMiB;
constexpr int kStep = 1 * kMiB;

// Free pages between blocks in use are looked for once in so many mails.
constexpr unsigned kMailsBetween = 64;

}  // namespace

void keep_heap() {
    ::mallopt(M_ARENA_MAX, 1);
    ::mallopt(M_MMAP_THRESHOLD, kBigBlock);
    ::mallopt(M_TRIM_THRESHOLD, kKeptWithinMail);
    ::mallopt(M_TOP_PAD, kStep);
}

void shrink_heap() {
    static unsigned mails = 0;
    const bool thorough = ++mails % kMailsBetween == 0;
    const auto now = ::mallinfo2();
    if (now.keepcost > kKept || (thorough && now.fordblks > kKept))
        ::malloc_trim(kKept);
}

}  // namespace scanners
