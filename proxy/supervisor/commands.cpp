#include "supervisor/commands.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.hpp"

namespace supervisor {
namespace {

constexpr const char* kPath = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
constexpr int kNotExecuted = 127;

// Its greeting, so that whoever waits for one learns what is wrong.
[[noreturn]] void refuse(const std::string& why) {
    const auto line = fmt::format("421 4.3.0 {}\r\n", why);
    [[maybe_unused]] const auto sent = ::write(STDOUT_FILENO, line.data(), line.size());
    ::_exit(kNotExecuted);
}

void default_signals_of_command() {
    for (int number = 1; number < NSIG; ++number)
        ::signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Two ends of a TCP connection of the machine with itself, the first one non-blocking. Not a socketpair: Sendmail takes
// whoever speaks to it from a local socket for a stranger called "[UNIX: localhost]" and refuses to relay (measured
// with 8.17), while 127.0.0.1 is to it what it is to the delivery server that runs already.
base::Result<std::pair<base::UniqueFd, base::UniqueFd>> connected_pair() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    socklen_t length = sizeof address;
    const base::UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    base::UniqueFd ours(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // A firewall that drops what goes over loopback must not hold up the supervisor.
    const timeval patience{2, 0};
    ::setsockopt(ours.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    ::setsockopt(listener.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (!listener || !ours || ::bind(listener.get(), generic, length) != 0 || ::listen(listener.get(), 8) != 0 ||
        ::getsockname(listener.get(), generic, &length) != 0 || ::connect(ours.get(), generic, length) != 0 ||
        ::getsockname(ours.get(), generic, &length) != 0)
        return base::errno_error("a connection over loopback");
    // Who else finds the port in this moment is not let in.
    constexpr int kStrangers = 8;
    for (int i = 0; i <= kStrangers; ++i) {
        sockaddr_in peer{};
        socklen_t peer_length = sizeof peer;
        base::UniqueFd theirs(
            ::accept4(listener.get(), reinterpret_cast<sockaddr*>(&peer), &peer_length, SOCK_CLOEXEC));
        if (!theirs)
            return base::errno_error("a connection over loopback");
        if (peer.sin_port != address.sin_port || peer.sin_addr.s_addr != address.sin_addr.s_addr)
            continue;
        const int one = 1;
        for (const int fd : {ours.get(), theirs.get()})
            ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (::fcntl(ours.get(), F_SETFL, O_NONBLOCK) != 0)
            return base::errno_error("fcntl");
        return std::pair{std::move(ours), std::move(theirs)};
    }
    return base::error("strangers connect to the loopback port faster than we do");
}

// Sendmail's exit status after a mail that it has refused, which is no failure of its own (sysexits.h: EX_DATAERR to
// EX_UNAVAILABLE).
bool speaks_of_mail(int exit_status) {
    return exit_status >= EX_DATAERR && exit_status <= EX_UNAVAILABLE;
}

// As the account with all its groups. Not for good (no_new_privs): Sendmail has a set-group-id of its own to use.
base::Status become_user(const Account& account) {
    if (::initgroups(account.name.c_str(), account.gid) != 0)
        return base::errno_error("initgroups");
    if (::setgid(account.gid) != 0)
        return base::errno_error("setgid");
    if (::setuid(account.uid) != 0)
        return base::errno_error("setuid");
    return base::ok();
}

[[noreturn]] void become_command(const std::vector<std::string>& command, const std::optional<Account>& account,
                                 int socket, bool keep_stderr) {
    ::setpgid(0, 0);
    default_signals_of_command();
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (::dup2(socket, STDIN_FILENO) < 0 || ::dup2(socket, STDOUT_FILENO) < 0 || null < 0 ||
        (!keep_stderr && ::dup2(null, STDERR_FILENO) < 0))
        ::_exit(kNotExecuted);
    if (::close_range(STDERR_FILENO + 1, ~0U, 0) != 0)
        refuse("cannot close descriptors");
    ::umask(022);
    if (::chdir("/") != 0)
        refuse("cannot change to /");
    std::string user = "USER=root";
    std::string login = "LOGNAME=root";
    if (account) {
        if (const auto became = become_user(*account); !became)
            refuse(fmt::format("cannot become {}: {}", account->name, became.error().message));
        user = "USER=" + account->name;
        login = "LOGNAME=" + account->name;
    }
    std::vector<const char*> arguments;
    for (const auto& argument : command)
        arguments.push_back(argument.c_str());
    arguments.push_back(nullptr);
    const std::array<const char*, 5> environment{kPath, "HOME=/", user.c_str(), login.c_str(), nullptr};
    ::execve(command.front().c_str(), const_cast<char* const*>(arguments.data()),
             const_cast<char* const*>(environment.data()));
    refuse(fmt::format("cannot execute {}: {}", command.front(), std::strerror(errno)));
}

}  // namespace

base::Status Commands::check(const config::Settings& settings) {
    if (settings.original_command.empty() || ::geteuid() != 0)
        return base::ok();
    const auto account = find_any_account(settings.original_user);
    return account ? base::ok() : base::Status(account.error());
}

base::Status Commands::configure(const config::Settings& settings) {
    command_ = settings.original_command;
    most_ = settings.original_max_processes;
    account_.reset();
    no_account_.clear();
    if (command_.empty() || ::geteuid() != 0)
        return base::ok();
    auto account = find_any_account(settings.original_user);
    if (!account) {
        no_account_ = account.error().message;
        return account.error();
    }
    account_ = std::move(*account);
    return base::ok();
}

void Commands::ask(std::uint64_t serial, Child& proxy) {
    if (waiting_.size() >= kMaxWaiting)
        static_cast<void>(proxy.send(fmt::format("O{} too many wait for the command", serial)));
    else
        waiting_.push_back(serial);
    start_waiting(proxy);
}

void Commands::start_waiting(Child& proxy) {
    while (!waiting_.empty() && running_.size() < most_) {
        const auto serial = waiting_.front();
        waiting_.pop_front();
        start(serial, proxy);
    }
}

void Commands::start(std::uint64_t serial, Child& proxy) {
    const auto refused = [&](const std::string& why) {
        base::log::event(base::log::kCommandEnded, "not started: {}", why);
        static_cast<void>(proxy.send(fmt::format("O{} {}", serial, why)));
    };
    if (command_.empty())
        return refused("original names no command");
    if (!no_account_.empty())
        return refused(no_account_);
    const auto ends = connected_pair();
    if (!ends)
        return refused(ends.error().message);
    const auto pid = spawn(ends->second.get());
    if (!pid)
        return refused(pid.error().message);
    running_.push_back({*pid, serial, {}, false});
    // A proxy that is gone sees its channel's end; then nobody needs the process.
    static_cast<void>(proxy.send(fmt::format("O{}", serial), {ends->first.get()}));
}

base::Result<pid_t> Commands::spawn(int socket) const {
    const pid_t pid = ::fork();
    if (pid < 0)
        return base::errno_error("fork");
    if (pid == 0)
        become_command(command_, account_, socket, keep_stderr_);
    ::setpgid(pid, pid);  // whichever of the two comes first
    return pid;
}

void Commands::give_back(std::uint64_t serial, Child& proxy) {
    std::erase(waiting_, serial);
    for (auto& one : running_)
        if (one.serial == serial && !one.due)
            one.due = base::Monotonic::now() + kPatience;
    start_waiting(proxy);
}

void Commands::proxy_ended() {
    waiting_.clear();
    for (auto& one : running_) {
        one.serial = 0;
        if (!one.due)
            one.due = base::Monotonic::now() + kPatience;
    }
}

bool Commands::reaped(pid_t pid, int status, Child* proxy) {
    const auto found = std::ranges::find(running_, pid, &Running::pid);
    if (found == running_.end())
        return false;
    if (WIFSIGNALED(status) || (WEXITSTATUS(status) != 0 && !speaks_of_mail(WEXITSTATUS(status))))
        base::log::event(base::log::kCommandEnded, "process {}: {}{}", pid, describe_status(status),
                         found->termed ? ", which it was told to" : "");
    running_.erase(found);
    if (proxy != nullptr)
        start_waiting(*proxy);
    return true;
}

void Commands::end_all(std::chrono::milliseconds patience) {
    waiting_.clear();
    const auto when = base::Monotonic::now() + patience;
    for (auto& one : running_)
        one.due = one.due ? std::min(*one.due, when) : when;
}

void Commands::kill_all() {
    waiting_.clear();
    for (const auto& one : running_)
        ::kill(-one.pid, SIGKILL);
}

void Commands::tend(base::Monotonic::time_point now) {
    for (auto& one : running_) {
        if (!one.due || now < *one.due)
            continue;
        // The leader is ours and not reaped, so the group's number is not another's.
        ::kill(-one.pid, one.termed ? SIGKILL : SIGTERM);
        one.termed = true;
        one.due = now + kAfterTerm;
    }
}

std::optional<base::Monotonic::time_point> Commands::due() const {
    std::optional<base::Monotonic::time_point> first;
    for (const auto& one : running_)
        if (one.due)
            first = first ? std::min(*first, *one.due) : *one.due;
    return first;
}

}  // namespace supervisor
