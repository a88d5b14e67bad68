#include "session/spool_storage.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace session {
namespace {

constexpr std::size_t kRoom = 256U << 10U;        // octets, received at once
constexpr std::size_t kFirstRoom = 64U << 10U;    // octets
constexpr std::size_t kLeastRoom = 16U << 10U;    // octets; for less it is not worth a call
constexpr std::size_t kMappedAtOnce = 8U << 20U;  // octets

base::Status write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t wrote = ::write(fd, text.data(), text.size());
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return base::errno_error("write to the spool");
        text.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return base::ok();
}

class MemoryMessage final : public mail::Message {
  public:
    MemoryMessage(std::string text, bool undotted) : text_(std::move(text)), undotted_(undotted) {}
    std::string_view bytes() const override { return text_; }
    bool in_memory() const override { return true; }
    bool undotted() const override { return undotted_; }

    base::Result<base::UniqueFd> share() const override {
        base::UniqueFd fd(::memfd_create("sandwich-message", MFD_CLOEXEC | MFD_ALLOW_SEALING));
        if (!fd)
            return base::errno_error("memfd_create");
        if (auto written = write_all(fd.get(), text_); !written)
            return written.error();
        // The worker maps it: without F_SEAL_SHRINK it could make itself fault, without F_SEAL_WRITE nothing is proven.
        if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
            return base::errno_error("sealing a memfd");
        return fd;
    }

  private:
    std::string text_;
    bool undotted_;
};

class BlockMessage final : public mail::Message {
  public:
    BlockMessage(std::shared_ptr<SpoolBlock> block, std::size_t size, bool undotted)
        : block_(std::move(block)), size_(size), undotted_(undotted) {}
    std::string_view bytes() const override { return {block_->begin(), size_}; }
    bool in_memory() const override { return true; }
    bool undotted() const override { return undotted_; }
    base::Result<base::UniqueFd> share() const override { return block_->share(size_); }
    int lend() const override {
        block_->lend();
        return block_->file();
    }
    void give_back() const override { block_->give_back(); }

  private:
    std::shared_ptr<SpoolBlock> block_;
    std::size_t size_;
    bool undotted_;
};

class FileMessage final : public mail::Message {
  public:
    FileMessage(base::UniqueFd file, const char* mapped, std::size_t size, bool undotted)
        : file_(std::move(file)), mapped_(mapped), size_(size), undotted_(undotted) {}
    ~FileMessage() override { ::munmap(const_cast<char*>(mapped_), size_); }
    std::string_view bytes() const override { return {mapped_, size_}; }
    bool undotted() const override { return undotted_; }
    // The worker cannot write through it, whatever it does.
    base::Result<base::UniqueFd> share() const override { return base::reopen_for_reading(file_.get()); }
    int lend() const override { return file_.get(); }  // no other mail ever comes into this file

  private:
    base::UniqueFd file_;
    const char* mapped_;
    std::size_t size_;
    bool undotted_;
};

class StorageSpool final : public mail::Spool {
  public:
    StorageSpool(std::string directory, std::uint64_t expected)
        : directory_(std::move(directory)), expected_(expected), in_file_(expected > kSpoolInMemory) {
        // Only address space until the octets come. A little more than announced: line ends are counted differently.
        if (expected < kBlockFrom)
            memory_.reserve(expected + expected / 16);
    }

    base::Room room() override {
        prepare_block(0);
        if (failed_ || !block_)
            return {};
        // As much again at most, for nobody knows how much comes.
        const auto size = std::min({kSpoolInMemory - size_, kRoom, std::max(size_, kFirstRoom)});
        if (size < kLeastRoom || !block_->provide(size_ + size))
            return {};
        return {block_->begin() + size_, size, block_};
    }

    base::Status append(std::string_view text) override {
        if (failed_)
            return base::error("the spool failed before");
        prepare_block(text.size());
        in_file_ =
            in_file_ || size_ + text.size() > kSpoolInMemory || (block_ && !block_->provide(size_ + text.size()));
        if (in_file_) {
            auto done = to_file(text);
            failed_ = !done;
            return done;
        }
        if (!block_)
            memory_.append(text);
        else if (auto* const place = block_->begin() + size_; place != text.data() && !text.empty())
            std::memmove(place, text.data(), text.size());
        size_ += text.size();
        return base::ok();
    }

    base::Result<mail::MessagePtr> seal(bool undotted) override {
        if (failed_)
            return base::error("the spool failed before");
        if (block_)
            return mail::MessagePtr(std::make_shared<BlockMessage>(std::move(block_), size_, undotted));
        if (!file_)
            return mail::MessagePtr(std::make_shared<MemoryMessage>(std::move(memory_), undotted));
        // All of it will be read. One call is cheaper than a fault for every few pages; a huge mail would stop the
        // loop.
        const int at_once = size_ <= kMappedAtOnce ? MAP_POPULATE : 0;
        void* mapped = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED | at_once, file_.get(), 0);
        if (mapped == MAP_FAILED)
            return base::errno_error("mapping a spool file");
        return mail::MessagePtr(
            std::make_shared<FileMessage>(std::move(file_), static_cast<const char*>(mapped), size_, undotted));
    }

  private:
    // When the mail is large, or will be: with the first of it that comes, not when it is announced.
    void prepare_block(std::size_t more) {
        if (block_ || in_file_ || failed_ || without_block_ ||
            std::max<std::uint64_t>(expected_, size_ + more) < kBlockFrom)
            return;
        block_ = SpoolBlock::take();
        if (block_ && !block_->provide(size_))
            block_.reset();
        without_block_ = !block_;
        if (without_block_) {
            memory_.reserve(kSpoolInMemory);  // grown step by step, all would be copied again and again
            return;
        }
        memory_.copy(block_->begin(), size_);
        memory_ = {};
    }

    base::Status to_file(std::string_view text) {
        if (!file_) {
            file_ = base::UniqueFd(::open(directory_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
            if (!file_)
                return base::errno_error("spool file in " + directory_);
            const auto before = block_ ? std::string_view(block_->begin(), size_) : std::string_view(memory_);
            if (auto written = write_all(file_.get(), before); !written)
                return written;
        }
        size_ += text.size();
        auto written = write_all(file_.get(), text);  // it may lie in the block
        block_.reset();
        memory_ = {};
        return written;
    }

    std::string directory_;
    std::uint64_t expected_;
    bool in_file_;                       // from the beginning, if so it was announced
    std::shared_ptr<SpoolBlock> block_;  // else in memory_
    bool without_block_ = false;         // there was none to be had
    std::string memory_;
    base::UniqueFd file_;
    std::size_t size_ = 0;
    bool failed_ = false;
};

}  // namespace

std::unique_ptr<mail::Spool> make_spool(std::string directory, std::uint64_t expected) {
    return std::make_unique<StorageSpool>(std::move(directory), expected);
}

}  // namespace session
