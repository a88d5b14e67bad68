#include "session/spool_block.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

namespace session {
namespace {

constexpr std::size_t kProvidedAtOnce = 64U << 10U;  // octets

struct Kept {
    std::mutex mutex;
    std::vector<SpoolBlock*> blocks;
    std::size_t exist = 0;  // with those in use
};

// Never destroyed: a mail may outlive what is destroyed at the end of the program.
Kept& kept() {
    static auto* const all = new Kept;
    return *all;
}

// Memory for the pages of a mapping, in one call instead of a fault for each. Where the system has none, this fails; to
// touch what has none would end the process.
bool populate(char* begin, std::size_t octets) {
    int done = 0;
    do {
        done = ::madvise(begin, octets, MADV_POPULATE_WRITE);
    } while (done != 0 && errno == EINTR);
    return done == 0;
}

}  // namespace

SpoolBlock::SpoolBlock(base::UniqueFd file, char* memory) : file_(std::move(file)), memory_(memory) {}

SpoolBlock::~SpoolBlock() {
    ::munmap(memory_, kSize);
}

std::shared_ptr<SpoolBlock> SpoolBlock::take() {
    auto& all = kept();
    {
        const std::lock_guard lock(all.mutex);
        if (!all.blocks.empty()) {
            auto* const block = all.blocks.back();
            all.blocks.pop_back();
            return {block, put_back};
        }
        if (all.exist == kMost)
            return nullptr;
        ++all.exist;
    }
    base::UniqueFd file(::memfd_create("sandwich-message", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    void* memory = MAP_FAILED;
    if (file && ::ftruncate(file.get(), kSize) == 0)
        memory = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (memory == MAP_FAILED) {
        const std::lock_guard lock(all.mutex);
        --all.exist;
        return nullptr;
    }
    std::shared_ptr<SpoolBlock> block(new SpoolBlock(std::move(file), static_cast<char*>(memory)), put_back);
    return block->provide(1) ? block : nullptr;  // also where the system cannot provide memory in this way at all
}

void SpoolBlock::put_back(SpoolBlock* block) {
    auto& all = kept();
    {
        const std::lock_guard lock(all.mutex);
        if (block->provided_ > 0 && block->lent_ == 0 && !block->shared_ && all.blocks.size() < kMostKept) {
            all.blocks.push_back(block);
            return;
        }
        --all.exist;
    }
    delete block;
}

bool SpoolBlock::provide(std::size_t octets) {
    if (octets > kSize)
        return false;
    if (octets <= provided_)
        return true;
    const auto end = std::min((octets + kProvidedAtOnce - 1) / kProvidedAtOnce * kProvidedAtOnce, kSize);
    if (!populate(memory_ + provided_, end - provided_))
        return false;
    provided_ = end;
    return true;
}

base::Result<base::UniqueFd> SpoolBlock::share(std::size_t octets) {
    const std::lock_guard lock(sealing_);
    shared_ = true;
    if (!sealed_) {
        // What stands behind the text is of a mail before.
        if (::ftruncate(file_.get(), static_cast<off_t>(octets)) != 0)
            return base::errno_error("cutting a memfd");
        // Whoever maps it: without F_SEAL_SHRINK it could be made to fault. F_SEAL_FUTURE_WRITE leaves our own mapping,
        // through which nothing is written any more.
        if (::fcntl(file_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) != 0)
            return base::errno_error("sealing a memfd");
        sealed_ = true;
    }
    return reopen_for_reading(file_.get());
}

base::Result<base::UniqueFd> reopen_for_reading(int file) {
    base::UniqueFd fd(::open(fmt::format("/proc/self/fd/{}", file).c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd)
        return base::errno_error("reopening a spool file");
    return fd;
}

}  // namespace session
