#include "scanners/worker/mail_map.hpp"

#include <sys/mman.h>
#include <sys/stat.h>

#include "scanners/worker/desk.hpp"

namespace scanners {
namespace {

// No mail is bigger, whatever the configuration says: 4 GiB of address space for one.
constexpr std::uint64_t kLargest = 1ULL << 32;

}  // namespace

MailMap::~MailMap() {
    unmap();
}

std::optional<std::string_view> MailMap::open(int file, std::uint64_t size) {
    struct stat status {};
    if (::fstat(file, &status) != 0 || !S_ISREG(status.st_mode) || size > kLargest ||
        static_cast<std::uint64_t>(status.st_size) < size)
        return std::nullopt;
    if (size == 0)
        return std::string_view();
    if (!mapped_ || mapped_->device != status.st_dev || mapped_->inode != status.st_ino || mapped_->size < size) {
        unmap();
        const bool stays = static_cast<std::uint64_t>(status.st_size) <= Desk::kSize;
        const auto whole = static_cast<std::size_t>(stays ? status.st_size : size);
        void* const begin = ::mmap(nullptr, whole, PROT_READ, MAP_PRIVATE, file, 0);
        if (begin == MAP_FAILED)
            return std::nullopt;
        mapped_ = Mapped{status.st_dev, status.st_ino, begin, whole, stays};
    }
    return std::string_view(static_cast<const char*>(mapped_->begin), size);
}

void MailMap::close() {
    if (mapped_ && !mapped_->stays)
        unmap();
}

void MailMap::unmap() {
    if (mapped_)
        ::munmap(mapped_->begin, mapped_->size);
    mapped_.reset();
}

}  // namespace scanners
