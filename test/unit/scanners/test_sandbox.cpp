// The sandbox by itself: a child closes it around itself and tries one thing.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <iconv.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <functional>

#include "scanners/content/expressions.hpp"
#include "scanners/worker/charsets.hpp"
#include "scanners/worker/sandbox.hpp"

namespace {

constexpr int kNoSandbox = 90;

// Wait status of a child that ran `before`, closed the sandbox around itself and exited with what `within` returned.
int in_sandbox(
    const std::function<int()>& within, const std::function<void()>& before = [] {}) {
    std::string directory = "/tmp/sandwich-unit.XXXXXX";
    REQUIRE(::mkdtemp(directory.data()) != nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        ::signal(SIGSEGV, SIG_DFL);
        before();
        const bool closed = ::chdir(directory.c_str()) == 0 &&
                            scanners::enter_sandbox(scanners::sandbox_support(), directory).has_value();
        ::_exit(closed ? within() : kNoSandbox);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    std::filesystem::remove_all(directory);
    return status;
}

bool exited_with(int status, int code) {
    return WIFEXITED(status) && WEXITSTATUS(status) == code;
}

bool stopped_by_sandbox(int status) {
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

int opens(const char* file, int flags) {
    return ::open(file, flags, 0600) >= 0 ? 0 : errno;
}

// 0 when the C library has, or can load, this converter.
int converts(const char* to, const char* from) {
    return ::iconv_open(to, from) != reinterpret_cast<iconv_t>(-1) ? 0 : 1;
}

}  // namespace

TEST_CASE("this system can close the sandbox") {
    const auto support = scanners::sandbox_support();
    CHECK(support.seccomp);
    CHECK(support.landlock >= 1);
}

TEST_CASE("files: its own directory and nothing else") {
    CHECK(exited_with(in_sandbox([] { return opens("own", O_RDWR | O_CREAT); }), 0));
    CHECK(exited_with(in_sandbox([] { return ::mkdir("d", 0700) == 0 && ::rmdir("d") == 0 ? 0 : errno; }), 0));
    CHECK(exited_with(in_sandbox([] { return opens("/etc/passwd", O_RDONLY); }), EACCES));
    CHECK(exited_with(in_sandbox([] { return opens("/proc/self/maps", O_RDONLY); }), EACCES));
    CHECK(exited_with(in_sandbox([] { return opens("..", O_RDONLY | O_DIRECTORY); }), EACCES));
    CHECK(exited_with(in_sandbox([] { return opens("/tmp/sandwich-escaped", O_WRONLY | O_CREAT); }), EACCES));
    CHECK(exited_with(in_sandbox([] { return ::truncate("/etc/hostname", 0) == 0 ? 0 : errno; }), EACCES));
}

TEST_CASE("system calls: no network, no program, no other process") {
    CHECK(stopped_by_sandbox(in_sandbox([] { return ::socket(AF_UNIX, SOCK_STREAM, 0); })));
    CHECK(stopped_by_sandbox(in_sandbox([] { return ::execl("/bin/true", "true", nullptr); })));
    CHECK(stopped_by_sandbox(in_sandbox([] { return ::kill(::getppid(), 0); })));
    CHECK(stopped_by_sandbox(in_sandbox([] { return ::chown("own", 0, 0); })));
    CHECK(exited_with(in_sandbox([] { return ::fork() < 0 ? errno : 0; }), EPERM));
    // abort() works: it must be able to signal itself.
    const int aborted = in_sandbox([]() -> int {
        ::signal(SIGABRT, SIG_DFL);
        ::abort();
    });
    CHECK(WIFSIGNALED(aborted));
    CHECK(WTERMSIG(aborted) == SIGABRT);
}

TEST_CASE("character sets loaded before are there within; without that they are not") {
    const auto within = [] {
        return converts("UTF-8//TRANSLIT", "CP949") + converts("UTF-8", "WINDOWS-1252") +
               converts("UTF-16BE", "SHIFT_JIS");
    };
    CHECK(exited_with(in_sandbox(within, [] { scanners::load_charsets(); }), 0));
    CHECK(exited_with(in_sandbox(within), 3));
    CHECK(scanners::load_charsets() > 100);
}

TEST_CASE("local time is there within once it was asked for") {
    const auto within = [] {
        const std::time_t now = ::time(nullptr);
        std::tm local{};
        return ::localtime_r(&now, &local) != nullptr ? 0 : 1;
    };
    CHECK(exited_with(in_sandbox(within, [] { ::tzset(); }), 0));
}

TEST_CASE("expressions that were compiled outside are found inside") {
    policy::Expression definition;
    definition.entries.resize(2);
    definition.entries[0].pattern = "secret*";
    definition.entries[1].kind = policy::Entry::Kind::kRegex;
    definition.entries[1].pattern = R"((\w)\1#)";
    definition.threshold = 2;
    const auto compiled = scanners::content::Expressions::compile(std::vector{definition});
    REQUIRE(compiled.has_value());
    CHECK(exited_with(in_sandbox([&compiled] {
                          const std::vector<scanners::Text> texts = {{0, scanners::Place::kBody, "secrets xx#"}};
                          const auto matches = compiled->match(texts);
                          return matches.hits.size() == 1 && matches.undecided.empty() ? 0 : 1;
                      }),
                      0));
}
