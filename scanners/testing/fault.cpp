// Real faults: null writes, endless loops, forbidden system calls. An attempt that the sandbox should stop and did not
// is reported as the finding "Sandwich.Test.Escaped.WHAT"; one that failed as clean, with the reason in the detail.
#include "scanners/testing/fault.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string_view>

#include "base/channel.hpp"

namespace scanners::testing {
namespace {

constexpr std::string_view kField = "X-Sandwich-Test: ";

std::string_view wanted_fault(std::string_view mail) {
    const auto header = mail.substr(0, mail.find("\r\n\r\n"));
    const auto start = header.starts_with(kField) ? 0 : header.find("\r\nX-Sandwich-Test: ");
    if (start == std::string_view::npos)
        return {};
    auto value = header.substr(header.find(kField, start) + kField.size());
    return value.substr(0, value.find("\r\n"));
}

void crash() {
    volatile int* nowhere = nullptr;
    *nowhere = 1;
}

[[noreturn]] void hang() {
    volatile bool forever = true;
    while (forever) {
    }
    ::_exit(1);
}

// Memory until there is none; the limit makes malloc fail, and then the worker gives up as a C++ program would.
void out_of_memory() {
    for (;;) {
        constexpr std::size_t kPiece = 16 << 20;
        std::memset(::operator new(kPiece), 1, kPiece);
    }
}

// Whatever this process has open gets a packet that is no answer.
void talk_nonsense() {
    for (int fd = 0; fd < 64; ++fd)
        static_cast<void>(base::send_packet(fd, std::string("A\x01garbage\xff", 10)));
}

// 0 on success, else errno.
int attempt(long outcome) {
    return outcome < 0 ? errno : 0;
}

int connect_out() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(9);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    // No socket of its own: connect() itself is what must not be possible.
    return attempt(::connect(0, reinterpret_cast<sockaddr*>(&address), sizeof address));
}

int run_program() {
    std::array<char, 8> path{"/bin/ls"};
    std::array<char*, 2> arguments{path.data(), nullptr};
    return attempt(::execv(path.data(), arguments.data()));
}

int executable_memory() {
    void* memory = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? errno : 0;
}

// Fills the temporary directory and leaves everything there; succeeds only when it could write `limit` octets.
int fill(const std::string& directory, std::size_t limit) {
    const std::string piece(1 << 20, 'x');
    std::size_t written = 0;
    for (int i = 0; i < 1000; ++i) {
        const int fd = ::open((directory + "/fill-" + std::to_string(i)).c_str(), O_WRONLY | O_CREAT, 0600);
        if (fd < 0)
            return errno;
        for (ssize_t got = 1; got > 0; written += static_cast<std::size_t>(got > 0 ? got : 0)) {
            if (written >= limit)
                return 0;
            got = ::write(fd, piece.data(), piece.size());
            if (got < 0 && errno == ENOSPC)
                return ENOSPC;
        }
        ::close(fd);
    }
    return EFBIG;
}

// A tree that is hard to remove: deep and without rights.
int litter(const std::string& directory) {
    std::string path = directory;
    for (int depth = 0; depth < 300; ++depth) {
        path += "/d";
        if (::mkdir(path.c_str(), 0700) != 0)
            return errno;
    }
    ::chmod(path.c_str(), 0);
    ::chmod((directory + "/d/d").c_str(), 0);
    return ENOTEMPTY;
}

// "X-Sandwich-Test: cannot tell limit"
policy::Cause cause_of(std::string_view wanted) {
    constexpr std::string_view kCannotTell = "cannot tell ";
    if (!wanted.starts_with(kCannotTell))
        return policy::Cause::kNone;
    for (auto cause = policy::Cause::kTimeout; cause <= policy::kLastCause;
         cause = static_cast<policy::Cause>(static_cast<unsigned>(cause) + 1))
        if (policy::to_string(cause) == wanted.substr(kCannotTell.size()))
            return cause;
    return policy::Cause::kNone;
}

struct Fault {
    std::string_view name;
    std::function<int(const std::string& temporary_directory)> act;
};

const std::array<Fault, 18>& faults() {
    static const std::array<Fault, 18> all = {{
        {"crash", [](const std::string&) { return crash(), 0; }},
        {"hang", [](const std::string&) -> int { hang(); }},
        {"oom", [](const std::string&) { return out_of_memory(), 0; }},
        {"garbage", [](const std::string&) { return talk_nonsense(), ENOTSUP; }},
        {"exit", [](const std::string&) -> int { ::_exit(0); }},
        {"socket", [](const std::string&) { return attempt(::socket(AF_INET, SOCK_STREAM, 0)); }},
        {"connect", [](const std::string&) { return connect_out(); }},
        {"execve", [](const std::string&) { return run_program(); }},
        {"ptrace", [](const std::string&) { return attempt(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); }},
        {"fork", [](const std::string&) { return attempt(::fork()); }},
        {"kill", [](const std::string&) { return attempt(::kill(::getppid(), 0)); }},
        {"read", [](const std::string&) { return attempt(::open("/etc/passwd", O_RDONLY)); }},
        {"write",
         [](const std::string&) { return attempt(::open("/tmp/sandwich-escaped", O_WRONLY | O_CREAT, 0600)); }},
        {"memory", [](const std::string&) { return executable_memory(); }},
        {"fill", [](const std::string& directory) { return fill(directory, 1ULL << 40); }},
        {"fill and crash", [](const std::string& directory) { return fill(directory, 1ULL << 40), crash(), 0; }},
        {"litter", [](const std::string& directory) { return litter(directory); }},
        {"symlink",
         [](const std::string& directory) { return attempt(::symlink("/etc", (directory + "/l").c_str())); }},
    }};
    return all;
}

}  // namespace

base::Status FaultScanner::enter_worker(const std::string& temporary_directory) {
    temporary_directory_ = temporary_directory;
    return base::ok();
}

policy::ScanResult FaultScanner::scan(std::string_view mail, const Parts& /*parts*/) {
    policy::ScanResult result{std::string(name()), policy::Outcome::kClean, policy::Cause::kNone, {}, {}};
    const auto wanted = wanted_fault(mail);
    if (const auto cause = cause_of(wanted); cause != policy::Cause::kNone)
        return {std::string(name()), policy::Outcome::kCannotTell, cause, {}, "as it was told"};
    for (const auto& fault : faults()) {
        if (fault.name != wanted)
            continue;
        if (const int failure = fault.act(temporary_directory_); failure != 0) {
            result.detail = std::string(wanted) + ": " + std::strerror(failure);
        } else {
            result.outcome = policy::Outcome::kFound;
            result.name = "Sandwich.Test.Escaped." + std::string(wanted);
        }
    }
    return result;
}

}  // namespace scanners::testing
