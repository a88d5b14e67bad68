#include "base/unique_fd.hpp"

#include <unistd.h>

#include <cerrno>

namespace base {

void UniqueFd::reset(int fd) noexcept {
    if (fd_ >= 0) {
        const int saved = errno;  // a destructor must not change the errno that an error path is about to report
        ::close(fd_);
        errno = saved;
    }
    fd_ = fd;
}

}  // namespace base
