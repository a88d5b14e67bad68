#include "journal/ring.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace journal {

// Shared with processes that read it at any time: a record stands there before `end` says so, and a reader takes what
// is between the two at that moment; what is gone by then is in the journal's file.
struct RingFile::Layout {
    std::array<char, 8> magic;
    std::uint64_t device;
    std::uint64_t inode;
    alignas(64) std::atomic<std::uint64_t> begin;
    alignas(64) std::atomic<std::uint64_t> end;
    alignas(64) std::array<std::array<char, kRecordSize>, Ring::kCapacity> records;
};

namespace {

constexpr std::array<char, 8> kMagic{'s', 'w', 'r', 'i', 'n', 'g', '1', '\n'};
constexpr std::string_view kPrefix = "ring.";
constexpr std::size_t kSize = sizeof(RingFile::Layout);

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

// The directory is looked at by one process at a time: a ring without a lock on it is a dead one's, not one that is
// being made.
class DirectoryLock {
  public:
    explicit DirectoryLock(int fd) : fd_(fd) {
        while (::flock(fd_, LOCK_EX) != 0 && errno == EINTR) {
        }
    }
    DirectoryLock(const DirectoryLock&) = delete;
    DirectoryLock& operator=(const DirectoryLock&) = delete;
    ~DirectoryLock() { ::flock(fd_, LOCK_UN); }

  private:
    int fd_;
};

base::Result<RingFile> map(base::UniqueFd file, std::string path) {
    void* const mapped = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file.get(), 0);
    if (mapped == MAP_FAILED)
        return base::errno_error(path);
    return RingFile(std::move(file), static_cast<RingFile::Layout*>(mapped), std::move(path));
}

bool is_there(int file) {
    struct stat status {};
    return ::fstat(file, &status) == 0 && status.st_nlink > 0;
}

std::vector<std::string> names_of_rings(const std::string& directory) {
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), ::closedir);
    if (!open)
        return names;
    while (const auto* entry = ::readdir(open.get()))
        if (std::string_view(entry->d_name).starts_with(kPrefix))
            names.emplace_back(entry->d_name);
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace

// ---- a file

RingFile::RingFile(base::UniqueFd file, Layout* layout, std::string path)
    : file_(std::move(file)), layout_(layout), path_(std::move(path)) {}

RingFile::RingFile(RingFile&& other) noexcept
    : file_(std::move(other.file_)), layout_(std::exchange(other.layout_, nullptr)), path_(std::move(other.path_)) {}

RingFile& RingFile::operator=(RingFile&& other) noexcept {
    std::swap(file_, other.file_);
    std::swap(layout_, other.layout_);
    std::swap(path_, other.path_);
    return *this;
}

RingFile::~RingFile() {
    if (layout_ != nullptr)
        ::munmap(layout_, kSize);
}

std::string RingFile::records() const {
    std::string found;
    const auto begin = layout_->begin.load(std::memory_order_acquire);
    const auto end = layout_->end.load(std::memory_order_acquire);
    if (begin > end || end - begin > Ring::kCapacity)
        return found;
    for (auto at = begin; at < end; ++at) {
        const auto& record = layout_->records[at % Ring::kCapacity];
        const std::string octets(record.data(), record.size());
        if (decode(octets))
            found += octets;
    }
    return found;
}

// ---- our own

bool Ring::put(const std::array<char, kRecordSize>& record) {
    const auto end = file_->end.load(std::memory_order_relaxed);
    if (end - file_->begin.load(std::memory_order_relaxed) >= kCapacity)
        return false;
    file_->records[end % kCapacity] = record;
    file_->end.store(end + 1, std::memory_order_release);
    return true;
}

void Ring::written(std::size_t count) {
    const auto begin = file_->begin.load(std::memory_order_relaxed) + count;
    file_->begin.store(begin, std::memory_order_release);
}

void Ring::remove() {
    ::unlink(file_.path().c_str());
}

// ---- all of them

base::Result<Rings> Rings::open(std::string directory, const std::string& journal) {
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
        return base::errno_error(directory);
    base::UniqueFd lock(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!lock)
        return base::errno_error(directory);
    struct stat status {};
    if (::stat(journal.c_str(), &status) != 0)
        return base::errno_error(journal);
    return Rings(std::move(directory), std::move(lock), status.st_dev, status.st_ino);
}

base::Result<Ring> Rings::make(std::uint32_t process) {
    const DirectoryLock lock(lock_.get());
    look_locked();
    auto file = create(process);
    if (!file)
        return file.error();
    own_ = file->path();
    return Ring(std::move(*file));
}

base::Result<RingFile> Rings::create(std::uint32_t process) {
    auto path = fmt::format("{}/{}{}.XXXXXX", directory_, kPrefix, process);
    base::UniqueFd fd(::mkostemp(path.data(), O_CLOEXEC));
    if (!fd)
        return base::errno_error(path);
    // All of it now: who writes where no memory is left behind a mapping is killed.
    base::Result<RingFile> file = base::error("");
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
        file = base::errno_error(path);
    else if (const int failure = ::posix_fallocate(fd.get(), 0, kSize); failure != 0)
        file = base::error("{}: {}", path, std::strerror(failure));
    else
        file = map(std::move(fd), path);
    if (!file) {
        ::unlink(path.c_str());
        return file;
    }
    (*file)->device = device_;
    (*file)->inode = inode_;
    (*file)->magic = kMagic;
    return file;
}

void Rings::look() {
    const DirectoryLock lock(lock_.get());
    look_locked();
}

void Rings::look_locked() {
    for (const auto& name : names_of_rings(directory_)) {
        auto path = directory_ + '/' + name;
        if (path == own_ ||
            std::any_of(others_.begin(), others_.end(), [&](const auto& other) { return other.path() == path; }))
            continue;
        base::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
        struct stat status {};
        if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
            static_cast<std::uint64_t>(status.st_size) != kSize)
            continue;
        auto file = map(std::move(fd), std::move(path));
        if (file && (*file)->magic == kMagic && (*file)->device == device_ && (*file)->inode == inode_)
            others_.push_back(std::move(*file));
    }
}

std::vector<std::string> Rings::of_the_living() const {
    std::vector<std::string> records;
    std::transform(others_.begin(), others_.end(), std::back_inserter(records),
                   [](const auto& other) { return other.records(); });
    return records;
}

void Rings::take_over(const std::function<base::Status(const std::string& records)>& take) {
    std::erase_if(others_, [&](const RingFile& other) {
        if (::flock(other.fd(), LOCK_EX | LOCK_NB) != 0)
            return false;
        // Removed: by its owner in the end, or by another one who took it over.
        if (is_there(other.fd())) {
            if (!take(other.records())) {
                ::flock(other.fd(), LOCK_UN);
                return false;
            }
            ::unlink(other.path().c_str());
        }
        return true;
    });
}

}  // namespace journal
