#include "scanners/check/program.hpp"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

namespace scanners::check {
namespace {

constexpr int kNotExecuted = 127;  // as a shell says it
constexpr const char* kMessageFile = "message.eml";
constexpr rlim_t kMaxProcesses = 1000;  // of scan_user: the workers are among them
constexpr rlim_t kMaxOpen = 256;

void set_limit(decltype(RLIMIT_AS) which, std::uint64_t value) {
    const rlimit limit{value, value};
    ::setrlimit(which, &limit);
}

// No sockets, whatever namespace it is in: neither the network nor a daemon's socket in the file system. And nothing
// with which one process of a user takes over another.
bool forbid_calls() {
    const auto filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == nullptr)
        return false;
    bool good = true;
    for (const int call : {SCMP_SYS(socket), SCMP_SYS(socketcall), SCMP_SYS(connect), SCMP_SYS(ptrace),
                           SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_getfd),
                           SCMP_SYS(io_uring_setup), SCMP_SYS(bpf), SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(mount),
                           SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(userfaultfd)})
        good = good && seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), call, 0) == 0;
    good = good && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return good;
}

bool copy_message(int message) {
    const int file = ::open(kMessageFile, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    struct stat status {};
    if (file < 0 || ::fstat(message, &status) != 0)
        return false;
    off_t at = 0;
    while (at < status.st_size) {
        const auto sent = ::sendfile(file, message, &at, static_cast<std::size_t>(status.st_size - at));
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
    }
    return ::close(file) == 0;
}

[[noreturn]] void give_up(const char* why) {
    // Where the line is read from; it is the program's first and last.
    [[maybe_unused]] const auto written = ::write(STDOUT_FILENO, why, std::char_traits<char>::length(why));
    ::_exit(kNotExecuted);
}

[[noreturn]] void become_program(const Plan& plan, int message, int output, const std::string& directory,
                                 std::chrono::milliseconds time) {
    ::setsid();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    for (int number = 1; number < NSIG; ++number)
        ::signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    const int null = ::open("/dev/null", O_RDWR);
    if (null < 0 || ::dup2(output, STDOUT_FILENO) < 0 || ::dup2(null, STDERR_FILENO) < 0)
        ::_exit(kNotExecuted);
    if (::chdir(directory.c_str()) != 0)
        give_up("down cannot enter its directory\n");
    if (plan.as_file && !copy_message(message))
        give_up("error cannot write the message to a file\n");
    // A memfd's offset stands where the proxy has written last.
    if (::dup2(plan.as_file ? null : message, STDIN_FILENO) < 0 ||
        (!plan.as_file && ::lseek(STDIN_FILENO, 0, SEEK_SET) != 0))
        give_up("error cannot read the message\n");
    ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(time).count();
    set_limit(RLIMIT_CORE, 0);
    set_limit(RLIMIT_CPU, static_cast<std::uint64_t>(seconds) + 1);
    set_limit(RLIMIT_AS, plan.memory);
    set_limit(RLIMIT_FSIZE, plan.file_size);
    set_limit(RLIMIT_NOFILE, kMaxOpen);
    set_limit(RLIMIT_NPROC, kMaxProcesses);
    if (!forbid_calls())
        give_up("down cannot be locked in by seccomp\n");
    const auto path = directory + "/" + kMessageFile;
    std::vector<char*> arguments;
    for (const auto& argument : plan.arguments)
        arguments.push_back(const_cast<char*>(argument.c_str()));
    if (plan.as_file)
        arguments.push_back(const_cast<char*>(path.c_str()));
    arguments.push_back(nullptr);
    std::array<char*, 1> no_environment{nullptr};
    ::execve(arguments.front(), arguments.data(), no_environment.data());
    give_up("down cannot be executed\n");
}

}  // namespace

base::Result<Program> Program::start(const Plan& plan, base::UniqueFd message, const std::string& directory,
                                     std::chrono::milliseconds time) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return base::errno_error("pipe");
    base::UniqueFd reading(ends[0]);
    const base::UniqueFd writing(ends[1]);
    if (::fcntl(reading.get(), F_SETFL, O_NONBLOCK) != 0)
        return base::errno_error("fcntl");
    const pid_t pid = ::fork();
    if (pid < 0)
        return base::errno_error("fork");
    if (pid == 0)
        become_program(plan, message.get(), writing.get(), directory, time);
    return Program(pid, std::move(reading), time);
}

void Program::read_output() {
    std::array<char, 4096> buffer{};
    for (int rounds = 0; rounds < 16 && output_; ++rounds) {  // whoever floods us waits for its next turn
        const auto got = ::read(output_.get(), buffer.data(), buffer.size());
        if (got < 0)
            return;
        if (got == 0)
            return output_.reset();
        const std::string_view text(buffer.data(), static_cast<std::size_t>(got));
        if (line_over_)
            continue;
        const auto end = text.find('\n');
        line_.append(text.substr(0, end));
        line_over_ = end != std::string_view::npos || line_.size() >= kMaxLine;
        line_.resize(std::min(line_.size(), kMaxLine));
    }
}

void Program::kill(bool for_its_deadline) {
    late_ = late_ || for_its_deadline;
    ::kill(-pid_, SIGKILL);  // the group is there once it has called setsid()
    ::kill(pid_, SIGKILL);
}

Ending Program::ended(int wait_status) {
    ::kill(-pid_, SIGKILL);
    read_output();
    if (late_)
        return {Ending::Kind::kDeadline, 0, {}};
    if (WIFSIGNALED(wait_status))
        return {Ending::Kind::kSignal, static_cast<unsigned>(WTERMSIG(wait_status)), line_};
    return {Ending::Kind::kExit, static_cast<unsigned>(WEXITSTATUS(wait_status)), line_};
}

}  // namespace scanners::check
