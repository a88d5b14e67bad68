#include "supervisor/child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "roles.hpp"

namespace supervisor {
namespace {

constexpr std::chrono::seconds kAfterChannelEnd{10};

[[noreturn]] void fail_before_exec(int channel, const base::Error& error) {
    [[maybe_unused]] const auto sent = base::send_packet(channel, "E" + error.message);
    ::_exit(127);
}

bool set_class(pid_t pid, int policy) {
    const sched_param none{};
    return ::sched_setscheduler(pid, policy, &none) == 0;
}

void default_signals() {
    for (int number = 1; number < NSIG; ++number)
        ::signal(number, SIG_DFL);  // fails for SIGKILL, SIGSTOP and the C library's own, rightly
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Moves `descriptors` to roles::kConfigFd and up; what else is open beyond closes. Returns the program's descriptor.
base::Result<int> arrange(const std::vector<int>& descriptors, int program, bool keep_stderr) {
    // First out of the way of each other.
    const int free_from = roles::kConfigFd + static_cast<int>(descriptors.size()) + 1;
    std::vector<int> moved;
    for (const int fd : descriptors)
        moved.push_back(::fcntl(fd, F_DUPFD_CLOEXEC, free_from));
    const int moved_program = ::fcntl(program, F_DUPFD_CLOEXEC, free_from);
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (std::size_t i = 0; i < moved.size(); ++i)
        if (moved[i] < 0 || ::dup2(moved[i], roles::kConfigFd + static_cast<int>(i)) < 0)
            return base::errno_error("dup2");
    const int program_at = free_from - 1;
    if (moved_program < 0 || ::dup3(moved_program, program_at, O_CLOEXEC) < 0)
        return base::errno_error("dup3");
    if (null < 0 || ::dup2(null, STDIN_FILENO) < 0 || ::dup2(null, STDOUT_FILENO) < 0 ||
        (!keep_stderr && ::dup2(null, STDERR_FILENO) < 0))
        return base::errno_error("/dev/null");
    if (::close_range(static_cast<unsigned>(free_from), ~0U, 0) != 0)
        return base::errno_error("close_range");
    return program_at;
}

[[noreturn]] void become_child(const Child::Start& start, int channel, int program) {
    // A ^C at the terminal is for the supervisor; the others end in their order.
    ::setpgid(0, 0);
    default_signals();
    if (start.background)
        set_class(0, SCHED_IDLE);  // a machine that has no such class loads as before
    std::vector<int> descriptors{start.configuration, channel};
    descriptors.insert(descriptors.end(), start.listeners.begin(), start.listeners.end());
    const auto program_at = arrange(descriptors, program, start.keep_stderr);
    if (!program_at)
        fail_before_exec(roles::kSupervisorFd, program_at.error());
    if (start.account) {
        if (auto became = become(*start.account); !became)
            fail_before_exec(roles::kSupervisorFd, became.error());
        ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    }
    const std::string role = "--role=" + start.role;
    const std::string generation = fmt::format("--generation={}", start.generation);
    std::vector<const char*> arguments{"sandwichd", role.c_str(), generation.c_str()};
    if (start.log_to_stderr)
        arguments.push_back("-f");
    arguments.push_back(nullptr);
    // By descriptor: the account need not be able to reach the program's path.
    ::execveat(*program_at, "", const_cast<char* const*>(arguments.data()), environ, AT_EMPTY_PATH);
    fail_before_exec(roles::kSupervisorFd, base::errno_error("cannot execute the daemon's own program"));
}

}  // namespace

base::Result<Child> Child::start(const Start& start) {
    auto channel = base::make_channel();
    if (!channel)
        return channel.error();
    const base::UniqueFd program(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    if (!program)
        return base::errno_error("open /proc/self/exe");
    const pid_t pid = ::fork();
    if (pid < 0)
        return base::errno_error("fork");
    if (pid == 0)
        become_child(start, channel->second.get(), program.get());
    return Child(pid, std::move(channel->first));
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      channel_(std::move(other.channel_)),
      started_(other.started_),
      due_(other.due_) {}

Child::~Child() {
    kill_now();
}

base::Status Child::send(std::string_view bytes, std::initializer_list<int> descriptors) {
    if (!channel_)
        return base::error("its channel has ended");
    return base::send_packet(channel_.get(), bytes, descriptors);
}

std::optional<base::Packet> Child::receive() {
    if (!channel_)
        return std::nullopt;
    base::Packet packet;
    switch (base::receive_packet(channel_.get(), packet, false)) {
        case base::Received::kPacket:
            return packet;
        case base::Received::kEnd:
            channel_.reset();
            kill_after(kAfterChannelEnd);
            return std::nullopt;
        case base::Received::kNothing:
            break;
    }
    return std::nullopt;
}

bool Child::may_come_forward() {
    // Leaving the class and a better nice value need the same right; only the latter can be tried without a risk.
    errno = 0;
    const int now = ::getpriority(PRIO_PROCESS, 0);
    if (errno != 0 || ::setpriority(PRIO_PROCESS, 0, now - 1) != 0)
        return false;
    return ::setpriority(PRIO_PROCESS, 0, now) == 0;
}

base::Status Child::come_forward() {
    if (pid_ <= 0 || set_class(pid_, SCHED_OTHER))
        return base::ok();
    return base::errno_error("sched_setscheduler");
}

std::chrono::nanoseconds Child::cpu_time() const {
    clockid_t clock{};
    timespec used{};
    if (pid_ <= 0 || ::clock_getcpuclockid(pid_, &clock) != 0 || ::clock_gettime(clock, &used) != 0)
        return {};
    return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

void Child::kill_after(std::chrono::milliseconds patience) {
    const auto when = base::Monotonic::now() + patience;
    due_ = due_ ? std::min(*due_, when) : when;
}

void Child::kill_if_due(base::Monotonic::time_point now) {
    if (due_ && now >= *due_)
        kill_now();
}

void Child::kill_now() {
    due_.reset();
    if (pid_ > 0)
        ::kill(pid_, SIGKILL);
}

void Child::watch(std::vector<pollfd>& descriptors) const {
    if (channel_)
        descriptors.push_back({channel_.get(), POLLIN, 0});
}

std::string describe_status(int wait_status) {
    if (WIFSIGNALED(wait_status))
        return fmt::format("signal {} ({})", WTERMSIG(wait_status), ::strsignal(WTERMSIG(wait_status)));
    return fmt::format("exit status {}", WEXITSTATUS(wait_status));
}

}  // namespace supervisor
