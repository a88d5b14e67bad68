#include "doctor/processes.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "config/load.hpp"

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace doctor {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kListening = "0A";  // TCP_LISTEN in /proc/net/tcp

std::string_view next_word(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    const auto end = std::min(text.find_first_of(" \t"), text.size());
    const auto word = text.substr(0, end);
    text.remove_prefix(end);
    return word;
}

std::string_view next_line(std::string_view& text) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

template <typename T>
std::optional<T> number(std::string_view text, int base = 10) {
    T value{};
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (failure != std::errc{} || end != text.data() + text.size() || text.empty())
        return std::nullopt;
    return value;
}

// "0100007F:1F90": words of four octets, each in the order of this machine; the port in the common one.
std::optional<net::Endpoint> endpoint_of(std::string_view text) {
    const auto colon = text.find(':');
    if (colon != 8 && colon != 32)
        return std::nullopt;
    const auto port = number<std::uint16_t>(text.substr(colon + 1), 16);
    std::array<std::uint32_t, 4> words{};
    for (std::size_t i = 0; i < colon / 8; ++i) {
        const auto word = number<std::uint32_t>(text.substr(i * 8, 8), 16);
        if (!word)
            return std::nullopt;
        words.at(i) = *word;
    }
    if (!port)
        return std::nullopt;
    sockaddr_storage storage{};
    if (colon == 8) {
        auto* const address = reinterpret_cast<sockaddr_in*>(&storage);
        address->sin_family = AF_INET;
        address->sin_port = htons(*port);
        std::memcpy(&address->sin_addr, words.data(), 4);
    } else {
        auto* const address = reinterpret_cast<sockaddr_in6*>(&storage);
        address->sin6_family = AF_INET6;
        address->sin6_port = htons(*port);
        std::memcpy(&address->sin6_addr, words.data(), 16);
    }
    return net::Endpoint::from_sockaddr(reinterpret_cast<const sockaddr*>(&storage));
}

// Files below /proc have no size.
std::string read_proc(const std::string& path) {
    const base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    constexpr std::size_t kMost = 16 << 20;
    std::string text;
    std::array<char, 65536> chunk{};
    while (file && text.size() < kMost) {
        const ssize_t got = ::read(file.get(), chunk.data(), chunk.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        text.append(chunk.data(), static_cast<std::size_t>(got));
    }
    return text;
}

std::string title_of(const std::string& directory) {
    auto title = read_proc(directory + "/cmdline");
    std::replace(title.begin(), title.end(), '\0', ' ');
    while (title.ends_with(' '))
        title.pop_back();
    return title;
}

// The sockets that a process has open, by inode.
std::vector<unsigned long> sockets_of(const std::string& directory) {
    constexpr std::string_view kSocket = "socket:[";
    std::vector<unsigned long> inodes;
    std::error_code failure;
    for (fs::directory_iterator at(directory + "/fd", failure), end; !failure && at != end; at.increment(failure)) {
        std::error_code gone;
        const auto target = fs::read_symlink(at->path(), gone).string();
        if (gone || !target.starts_with(kSocket) || !target.ends_with(']'))
            continue;
        const auto inode =
            number<unsigned long>(std::string_view(target).substr(kSocket.size(), target.size() - kSocket.size() - 1));
        if (inode)
            inodes.push_back(*inode);
    }
    return inodes;
}

}  // namespace

std::vector<ListeningSocket> parse_tcp_table(std::string_view text) {
    std::vector<ListeningSocket> sockets;
    next_line(text);  // the heading
    while (!text.empty()) {
        auto line = next_line(text);
        std::array<std::string_view, 10> words{};  // sl local remote st queues timer retransmits uid timeout inode
        for (auto& word : words)
            word = next_word(line);
        const auto address = endpoint_of(words[1]);
        const auto inode = number<unsigned long>(words[9]);
        if (words[3] == kListening && address && inode)
            sockets.push_back({*address, *inode});
    }
    return sockets;
}

std::vector<Process> find_processes() {
    std::vector<Process> processes;
    std::error_code failure;
    for (fs::directory_iterator at("/proc", failure), end; !failure && at != end; at.increment(failure)) {
        const auto pid = number<pid_t>(at->path().filename().string());
        if (!pid)
            continue;
        auto name = read_proc(at->path().string() + "/comm");
        name = name.substr(0, name.find('\n'));
        if (!name.empty())
            processes.push_back({*pid, std::move(name), title_of(at->path().string())});
    }
    std::sort(processes.begin(), processes.end(),
              [](const auto& left, const auto& right) { return left.pid < right.pid; });
    return processes;
}

std::vector<Listener> find_listeners() {
    std::vector<ListeningSocket> sockets;
    for (const char* const table : {"/proc/net/tcp", "/proc/net/tcp6"})
        for (const auto& one : parse_tcp_table(read_proc(table)))
            sockets.push_back(one);
    std::vector<Listener> listeners(sockets.size());
    for (std::size_t i = 0; i < sockets.size(); ++i)
        listeners[i].address = sockets[i].address;
    for (const auto& process : find_processes())
        for (const auto inode : sockets_of(fmt::format("/proc/{}", process.pid)))
            for (std::size_t i = 0; i < sockets.size(); ++i)
                if (sockets[i].inode == inode && (listeners[i].owners.empty() || listeners[i].owners.back() != process))
                    listeners[i].owners.push_back(process);
    return listeners;
}

bool runs(pid_t pid) {
    return ::kill(pid, 0) == 0 || errno == EPERM;
}

PidFile parse_pid_file(std::string path, std::string_view text) {
    PidFile file{std::move(path), std::nullopt, {}, {}};
    const auto first = next_line(text);
    const auto pid = number<pid_t>(first);
    if (pid && *pid > 0)
        file.pid = pid;
    else
        file.why = "no number stands in it";
    file.command = next_line(text);
    return file;
}

PidFile read_pid_file(const std::string& path) {
    const auto text = config::read_file(path, 65536);
    if (!text)
        return {path, std::nullopt, {}, text.error().message};
    return parse_pid_file(path, *text);
}

bool has_queue_run(std::string_view command) {
    if (command.find("ueue runner@") != std::string_view::npos ||
        command.find("ueue control") != std::string_view::npos)
        return true;
    while (!command.empty()) {
        auto word = next_word(command);
        if (!word.starts_with("-q"))
            continue;
        word.remove_prefix(2);
        if (word == "p" || (word.starts_with('p') && word.size() > 1))
            word.remove_prefix(1);
        else if (word.empty())
            continue;  // one run, then it ends
        if (word.empty() || (word.front() >= '0' && word.front() <= '9'))
            return true;
    }
    return false;
}

base::Result<Output> run_program(const std::vector<std::string>& command, Deadline deadline) {
    constexpr std::size_t kMost = 1 << 20;
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return base::errno_error("pipe");
    const base::UniqueFd from(ends[0]);
    base::UniqueFd to(ends[1]);
    std::vector<char*> words;
    for (const auto& word : command)
        words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    posix_spawn_file_actions_t files{};
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&files, to.get(), STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&files, to.get(), STDERR_FILENO);
    posix_spawnattr_t attributes{};
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);  // its children end with it
    sigset_t usual{};  // what is ignored here is not meant for it
    ::sigemptyset(&usual);
    ::sigaddset(&usual, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&attributes, &usual);
    pid_t child = 0;
    const int code = ::posix_spawn(&child, words[0], &files, &attributes, words.data(), environ);
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&attributes);
    to.reset();
    if (code != 0)
        return base::error("{}: {}", command.front(), std::strerror(code));
    Output output;
    std::array<char, 4096> chunk{};
    bool in_time = true;
    while (in_time && output.text.size() < kMost) {
        in_time = wait_for(from.get(), POLLIN, deadline);
        const ssize_t got = in_time ? ::read(from.get(), chunk.data(), chunk.size()) : 0;
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        output.text.append(chunk.data(), static_cast<std::size_t>(got));
    }
    if (!in_time || output.text.size() >= kMost)
        ::kill(-child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!in_time)
        return base::error("{} did not end in time", command.front());
    output.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return output;
}

}  // namespace doctor
