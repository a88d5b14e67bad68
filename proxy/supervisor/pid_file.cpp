#include "supervisor/pid_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace supervisor {
namespace {

std::string holder(int fd) {
    std::array<char, 16> text{};
    const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
    const std::string_view read(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    const auto digits = read.substr(0, read.find_first_not_of("0123456789"));
    return digits.empty() ? "not ready yet" : fmt::format("pid {}", digits);
}

// False when the file was removed or replaced between open and lock: the lock then guards nothing.
bool still_there(int fd, const std::string& path) {
    struct stat ours {};
    struct stat named {};
    return ::fstat(fd, &ours) == 0 && ::stat(path.c_str(), &named) == 0 && ours.st_ino == named.st_ino &&
           ours.st_dev == named.st_dev;
}

}  // namespace

base::Result<PidFile> PidFile::lock(std::string path) {
    for (;;) {
        base::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
        if (!fd)
            return base::errno_error("pid file " + path);
        if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK)
                return base::error("another sandwichd runs already ({}, {})", holder(fd.get()), path);
            return base::errno_error("lock " + path);
        }
        if (!still_there(fd.get(), path))
            continue;
        // The umask of a daemon is no reason that its pid should be a secret.
        if (::fchmod(fd.get(), 0644) != 0 || ::ftruncate(fd.get(), 0) != 0)
            return base::errno_error("pid file " + path);
        return PidFile(std::move(path), std::move(fd));
    }
}

PidFile::~PidFile() {
    if (fd_)
        ::unlink(path_.c_str());
}

base::Status PidFile::write() {
    const auto text = fmt::format("{}\n", ::getpid());
    if (::pwrite(fd_.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
        return base::errno_error("pid file " + path_);
    return base::ok();
}

}  // namespace supervisor
