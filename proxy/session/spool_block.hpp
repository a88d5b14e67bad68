// SpoolBlock: memory for one mail of some size that is a file as well (memfd_create(2)). What the network brings is put
// there, and another socket (sendfile(2)) or a checking program has it from there: nobody in between copies it.
//
// Its pages cost more than what is done with a mail's text, so blocks are kept for the next mail: at most kMostKept of
// them, as long as there is use for so many, and none that anybody may still be reading, who would then read another
// mail: a socket's buffer of which the peer has not said that it has all, a process that it was shared with.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>

#include "base/memory_file.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace session {

class SpoolBlock {
  public:
    // Octets: a mail of 1 MiB with its header.
    static constexpr std::size_t kSize = (1U << 20U) + (128U << 10U);
    // Descriptors and mappings are limited, and sessions need them, too: above, mails are kept in other ways.
    static constexpr std::size_t kMost = 1024;
    static constexpr std::size_t kMostKept = 64;
    static constexpr std::size_t kGoAtOnce = 8;

    // Null: there are too many, or the system has no memory. Goes back, or away, with its last owner. On any thread.
    static std::shared_ptr<SpoolBlock> take();
    // Of those kept, the ones that lay idle ever since the last call go, kGoAtOnce at most: they take 0.1 to 0.3 ms
    // each. To be called now and then. On any thread.
    static void let_idle_go();

    SpoolBlock(const SpoolBlock&) = delete;
    SpoolBlock& operator=(const SpoolBlock&) = delete;

    // False: no memory for so many octets from the begin on, or more than its size. Until it was true for them they may
    // not be touched. By who fills the block.
    bool provide(std::size_t octets) { return memory_.provide(octets); }
    [[nodiscard]] char* begin() const { return memory_.begin(); }

    // The rest is for its readers, on any thread.

    // For sendfile(2), from offset 0 on. Whoever uses it says lend() before, and give_back() when the peer has read
    // all; who does not know that does not say it.
    [[nodiscard]] int file() const { return memory_.file(); }
    void lend() { ++lent_; }
    void give_back() { --lent_; }
    // Another descriptor, for reading only, of a file that ends behind so many octets, the same at each call, and that
    // nobody can change any more. Error: no descriptors.
    base::Result<base::UniqueFd> share(std::size_t octets);

  private:
    explicit SpoolBlock(base::MemoryFile memory);
    static void put_back(SpoolBlock* block);

    base::MemoryFile memory_;
    std::atomic<unsigned> lent_{0};
    std::atomic<bool> shared_{false};
    std::mutex sealing_;
    bool sealed_ = false;
};

}  // namespace session
