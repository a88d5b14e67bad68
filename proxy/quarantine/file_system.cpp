#include "quarantine/file_system.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace quarantine {
namespace {

base::Error failed(std::string_view what, const std::string& path) {
    const int code = errno;
    auto text = fmt::format("{} {}", what, path);
    errno = code;
    return base::errno_error(text);
}

class RealFile final : public File {
  public:
    RealFile(base::UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

    base::Status append(std::string_view bytes) override {
        while (!bytes.empty()) {
            const ssize_t wrote = ::write(fd_.get(), bytes.data(), bytes.size());
            if (wrote < 0 && errno == EINTR)
                continue;
            if (wrote < 0)
                return failed("write", path_);
            bytes.remove_prefix(static_cast<std::size_t>(wrote));
        }
        return base::ok();
    }

    base::Status sync() override {
        if (::fsync(fd_.get()) != 0)
            return failed("fsync", path_);
        return base::ok();
    }

  private:
    base::UniqueFd fd_;
    std::string path_;
};

// Nobody else writes these files, and they never shrink, so a mapping cannot fault.
class MappedFile final : public mail::Message {
  public:
    MappedFile(base::UniqueFd fd, void* address, std::size_t size)
        : fd_(std::move(fd)), address_(address), size_(size) {}
    ~MappedFile() override {
        if (address_ != nullptr)
            ::munmap(address_, size_);
    }

    [[nodiscard]] std::string_view bytes() const override { return {static_cast<const char*>(address_), size_}; }

    [[nodiscard]] base::Result<base::UniqueFd> share() const override {
        base::UniqueFd copy(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
        if (!copy)
            return base::errno_error("dup");
        return copy;
    }

  private:
    base::UniqueFd fd_;  // opened for reading only
    void* address_;
    std::size_t size_;
};

base::Result<base::UniqueFd> open_for_reading(const std::string& path) {
    base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd)
        return failed("open", path);
    return fd;
}

class RealFileSystem final : public FileSystem {
  public:
    base::Status make_directory(const std::string& path) override {
        if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
            return failed("mkdir", path);
        struct stat facts {};
        if (::stat(path.c_str(), &facts) != 0)
            return failed("stat", path);
        if (!S_ISDIR(facts.st_mode))
            return base::error("{} is not a directory", path);
        if (facts.st_uid != ::geteuid())
            return base::error("{} belongs to user {}, not to user {}, as whom the proxy runs", path, facts.st_uid,
                               ::geteuid());
        if ((facts.st_mode & (S_IWGRP | S_IWOTH)) != 0)
            return base::error("{} may be written to by other users; \"chmod 700 {}\" cures it", path, path);
        if (::faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK | X_OK, AT_EACCESS) != 0)
            return failed("access", path);
        return base::ok();
    }

    base::Result<std::vector<Name>> names(const std::string& directory) override {
        const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), ::closedir);
        if (!stream)
            return failed("opendir", directory);
        std::vector<Name> found;
        for (;;) {
            errno = 0;
            const dirent* entry = ::readdir(stream.get());
            if (entry == nullptr && errno != 0)
                return failed("readdir", directory);
            if (entry == nullptr)
                return found;
            struct stat facts {};
            if (::fstatat(::dirfd(stream.get()), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
                S_ISREG(facts.st_mode))
                found.push_back({entry->d_name, static_cast<std::uint64_t>(facts.st_size)});
        }
    }

    base::Result<std::unique_ptr<File>> create(const std::string& path) override {
        base::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!fd)
            return failed("create", path);
        return std::unique_ptr<File>(std::make_unique<RealFile>(std::move(fd), path));
    }

    base::Result<std::string> read(const std::string& path, std::size_t limit) override {
        auto fd = open_for_reading(path);
        if (!fd)
            return fd.error();
        std::string text;
        std::array<char, 16384> chunk{};
        for (;;) {
            const ssize_t got = ::read(fd->get(), chunk.data(), chunk.size());
            if (got < 0 && errno == EINTR)
                continue;
            if (got < 0)
                return failed("read", path);
            if (got == 0)
                return text;
            if (text.size() + static_cast<std::size_t>(got) > limit)
                return base::error("{} has more than {} octets", path, limit);
            text.append(chunk.data(), static_cast<std::size_t>(got));
        }
    }

    base::Result<mail::MessagePtr> map(const std::string& path) override {
        auto fd = open_for_reading(path);
        if (!fd)
            return fd.error();
        struct stat facts {};
        if (::fstat(fd->get(), &facts) != 0)
            return failed("stat", path);
        const auto size = static_cast<std::size_t>(facts.st_size);
        void* address = nullptr;
        if (size > 0) {
            address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd->get(), 0);
            if (address == MAP_FAILED)
                return failed("mmap", path);
        }
        return mail::MessagePtr(std::make_shared<MappedFile>(std::move(*fd), address, size));
    }

    base::Status rename(const std::string& from, const std::string& to) override {
        if (::rename(from.c_str(), to.c_str()) != 0)
            return failed("rename", from);
        return base::ok();
    }

    base::Status remove(const std::string& path) override {
        if (::unlink(path.c_str()) != 0 && errno != ENOENT)
            return failed("remove", path);
        return base::ok();
    }

    base::Status sync_directory(const std::string& path) override {
        const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!fd)
            return failed("open", path);
        if (::fsync(fd.get()) != 0)
            return failed("fsync", path);
        return base::ok();
    }

    base::Result<std::uint64_t> free_space(const std::string& path) override {
        struct statvfs facts {};
        if (::statvfs(path.c_str(), &facts) != 0)
            return failed("statvfs", path);
        return static_cast<std::uint64_t>(facts.f_bavail) * facts.f_frsize;
    }

    base::Result<base::UniqueFd> lock(const std::string& directory, Lock kind) override {
        base::UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!fd)
            return failed("open", directory);
        const int operation = kind == Lock::kShared ? LOCK_SH : LOCK_EX | LOCK_NB;
        while (::flock(fd.get(), operation) != 0)
            if (errno != EINTR)
                return failed("lock", directory);
        return fd;
    }
};

}  // namespace

std::shared_ptr<FileSystem> real_file_system() {
    return std::make_shared<RealFileSystem>();
}

}  // namespace quarantine
