#include "supervisor/readiness.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace supervisor {
namespace {

constexpr char kReady = 'R';

[[noreturn]] void wait_for(int daemon_end, pid_t daemon) {
    char answer = 0;
    ssize_t got = 0;
    do {
        got = ::read(daemon_end, &answer, 1);
    } while (got < 0 && errno == EINTR);
    if (got == 1 && answer == kReady)
        ::_exit(0);
    int status = 0;
    while (::waitpid(daemon, &status, 0) < 0 && errno == EINTR) {
    }
    // It has said why. A daemon that a signal ended has not.
    if (WIFSIGNALED(status))
        fmt::print(stderr, "sandwichd: ended by signal {} while starting\n", WTERMSIG(status));
    ::_exit(1);
}

void to_null(int fd) {
    const base::UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (null)
        ::dup2(null.get(), fd);
}

}  // namespace

base::Result<Readiness> Readiness::detach(bool foreground) {
    // Not the directory it was called from: that would keep its file system from being unmounted.
    if (::chdir("/") != 0)
        return base::errno_error("chdir /");
    ::umask(027);
    if (foreground)
        return Readiness(base::UniqueFd());
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return base::errno_error("pipe");
    base::UniqueFd reading(ends[0]);
    base::UniqueFd writing(ends[1]);
    const pid_t child = ::fork();
    if (child < 0)
        return base::errno_error("fork");
    if (child > 0) {
        writing.reset();
        wait_for(reading.get(), child);
    }
    ::setsid();
    to_null(STDIN_FILENO);
    return Readiness(std::move(writing));
}

void Readiness::announce(bool keep_stderr) {
    if (!waiting_)
        return;
    [[maybe_unused]] const auto told = ::write(waiting_.get(), &kReady, 1);
    waiting_.reset();
    to_null(STDOUT_FILENO);
    if (!keep_stderr)
        to_null(STDERR_FILENO);
}

}  // namespace supervisor
