#include "session/spool_storage.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace session {
namespace {

constexpr std::size_t kMuch = 64U << 10U;         // octets
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
    explicit MemoryMessage(std::string text) : text_(std::move(text)) {}
    std::string_view bytes() const override { return text_; }

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
};

class FileMessage final : public mail::Message {
  public:
    FileMessage(base::UniqueFd file, const char* mapped, std::size_t size)
        : file_(std::move(file)), mapped_(mapped), size_(size) {}
    ~FileMessage() override { ::munmap(const_cast<char*>(mapped_), size_); }
    std::string_view bytes() const override { return {mapped_, size_}; }

    base::Result<base::UniqueFd> share() const override {
        // A new open file description, for reading only: the worker cannot write through it, whatever it does.
        base::UniqueFd fd(::open(fmt::format("/proc/self/fd/{}", file_.get()).c_str(), O_RDONLY | O_CLOEXEC));
        if (!fd)
            return base::errno_error("reopening a spool file");
        return fd;
    }

  private:
    base::UniqueFd file_;
    const char* mapped_;
    std::size_t size_;
};

class StorageSpool final : public mail::Spool {
  public:
    StorageSpool(std::string directory, std::uint64_t expected)
        : directory_(std::move(directory)), big_(expected > kSpoolInMemory) {
        // Only address space until the octets come. A little more than announced: line ends are counted differently.
        if (!big_)
            memory_.reserve(std::min<std::uint64_t>(expected + expected / 16, kSpoolInMemory));
    }

    base::Status append(std::string_view text) override {
        if (failed_)
            return base::error("the spool failed before");
        if (!file_ && !big_ && memory_.size() + text.size() <= kSpoolInMemory) {
            // Who announced no size, or a wrong one, and sends much: grown step by step, all would be copied again and
            // again.
            if (memory_.size() + text.size() > memory_.capacity() && memory_.size() >= kMuch)
                memory_.reserve(kSpoolInMemory);
            memory_.append(text);
            return base::ok();
        }
        auto done = to_file(text);
        failed_ = !done;
        return done;
    }

    base::Result<mail::MessagePtr> seal() override {
        if (failed_)
            return base::error("the spool failed before");
        if (!file_)
            return mail::MessagePtr(std::make_shared<MemoryMessage>(std::move(memory_)));
        // All of it will be read. One call is cheaper than a fault for every few pages; a huge mail would stop the
        // loop.
        const int at_once = size_ <= kMappedAtOnce ? MAP_POPULATE : 0;
        void* mapped = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED | at_once, file_.get(), 0);
        if (mapped == MAP_FAILED)
            return base::errno_error("mapping a spool file");
        return mail::MessagePtr(
            std::make_shared<FileMessage>(std::move(file_), static_cast<const char*>(mapped), size_));
    }

  private:
    base::Status to_file(std::string_view text) {
        if (!file_) {
            file_ = base::UniqueFd(::open(directory_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
            if (!file_)
                return base::errno_error("spool file in " + directory_);
            if (auto written = write_all(file_.get(), memory_); !written)
                return written;
            size_ = memory_.size();
            memory_ = {};
        }
        size_ += text.size();
        return write_all(file_.get(), text);
    }

    std::string directory_;
    bool big_ = false;  // so it was announced
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
