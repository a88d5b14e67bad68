#include "session/spool_block.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace session {
namespace {

struct Kept {
    std::mutex mutex;
    std::vector<SpoolBlock*> blocks;  // the last one is taken first
    std::size_t idle = 0;             // of them, from the first on, that lay there since let_idle_go()
    std::size_t exist = 0;            // with those in use
};

// Never destroyed: a mail may outlive what is destroyed at the end of the program.
Kept& kept() {
    static auto* const all = new Kept;
    return *all;
}

}  // namespace

SpoolBlock::SpoolBlock(base::MemoryFile memory) : memory_(std::move(memory)) {}

std::shared_ptr<SpoolBlock> SpoolBlock::take() {
    auto& all = kept();
    {
        const std::lock_guard lock(all.mutex);
        if (!all.blocks.empty()) {
            auto* const block = all.blocks.back();
            all.blocks.pop_back();
            all.idle = std::min(all.idle, all.blocks.size());
            return {block, put_back};
        }
        if (all.exist == kMost)
            return nullptr;
        ++all.exist;
    }
    auto memory = base::MemoryFile::make("sandwich-message", kSize);
    if (!memory) {
        const std::lock_guard lock(all.mutex);
        --all.exist;
        return nullptr;
    }
    std::shared_ptr<SpoolBlock> block(new SpoolBlock(std::move(*memory)), put_back);
    return block->provide(1) ? block : nullptr;  // also where the system cannot provide memory in this way at all
}

void SpoolBlock::put_back(SpoolBlock* block) {
    auto& all = kept();
    {
        const std::lock_guard lock(all.mutex);
        if (block->memory_.provided() > 0 && block->lent_ == 0 && !block->shared_ && all.blocks.size() < kMostKept) {
            all.blocks.push_back(block);
            return;
        }
        --all.exist;
    }
    delete block;
}

void SpoolBlock::let_idle_go() {
    auto& all = kept();
    std::vector<SpoolBlock*> going;
    {
        const std::lock_guard lock(all.mutex);
        const auto end = all.blocks.begin() + static_cast<std::ptrdiff_t>(std::min(all.idle, kGoAtOnce));
        going.assign(all.blocks.begin(), end);
        all.blocks.erase(all.blocks.begin(), end);
        all.exist -= going.size();
        all.idle = all.blocks.size();
    }
    for (auto* const block : going)
        delete block;
}

base::Result<base::UniqueFd> SpoolBlock::share(std::size_t octets) {
    const std::lock_guard lock(sealing_);
    shared_ = true;
    if (!sealed_) {
        // What stands behind the text is of a mail before.
        if (::ftruncate(memory_.file(), static_cast<off_t>(octets)) != 0)
            return base::errno_error("cutting a memfd");
        if (auto sealed = memory_.seal(); !sealed)  // nothing is written through our mapping any more
            return sealed.error();
        sealed_ = true;
    }
    return base::reopen_for_reading(memory_.file());
}

}  // namespace session
