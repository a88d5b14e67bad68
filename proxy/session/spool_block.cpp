#include "session/spool_block.hpp"

#include <unistd.h>

#include <utility>
#include <vector>

namespace session {
namespace {

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

}  // namespace

SpoolBlock::SpoolBlock(base::MemoryFile memory) : memory_(std::move(memory)) {}

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
