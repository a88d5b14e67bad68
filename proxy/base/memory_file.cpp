#include "base/memory_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace base {
namespace {

constexpr std::size_t kProvidedAtOnce = 64U << 10U;  // octets

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

MemoryFile::MemoryFile(UniqueFd file, char* memory, std::size_t size)
    : file_(std::move(file)), memory_(memory), size_(size) {}

MemoryFile::MemoryFile(MemoryFile&& other) noexcept
    : file_(std::move(other.file_)),
      memory_(std::exchange(other.memory_, nullptr)),
      size_(other.size_),
      provided_(other.provided_) {}

MemoryFile::~MemoryFile() {
    if (memory_ != nullptr)
        ::munmap(memory_, size_);
}

Result<MemoryFile> MemoryFile::make(const char* name, std::size_t size) {
    UniqueFd file(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file)
        return errno_error("memfd_create");
    if (::ftruncate(file.get(), static_cast<off_t>(size)) != 0)
        return errno_error("ftruncate of a memfd");
    void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (memory == MAP_FAILED)
        return errno_error("mapping a memfd");
    return MemoryFile(std::move(file), static_cast<char*>(memory), size);
}

bool MemoryFile::provide(std::size_t octets) {
    if (octets > size_)
        return false;
    if (octets <= provided_)
        return true;
    const auto end = std::min((octets + kProvidedAtOnce - 1) / kProvidedAtOnce * kProvidedAtOnce, size_);
    if (!populate(memory_ + provided_, end - provided_))
        return false;
    provided_ = end;
    return true;
}

// Whoever maps it: without F_SEAL_SHRINK it could be made to fault. F_SEAL_FUTURE_WRITE leaves the mapping that there
// is.
Status MemoryFile::seal() {
    if (::fcntl(file_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) != 0)
        return errno_error("sealing a memfd");
    return ok();
}

Result<UniqueFd> reopen_for_reading(int file) {
    UniqueFd fd(::open(fmt::format("/proc/self/fd/{}", file).c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd)
        return errno_error("reopening a file for reading");
    return fd;
}

}  // namespace base
