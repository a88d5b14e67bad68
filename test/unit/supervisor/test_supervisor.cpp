#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "supervisor/backoff.hpp"
#include "supervisor/child.hpp"
#include "supervisor/directories.hpp"
#include "supervisor/listeners.hpp"
#include "supervisor/pid_file.hpp"
#include "supervisor/service_manager.hpp"

using namespace std::chrono_literals;

namespace {

struct Directory {
    Directory() {
        std::string name = "/tmp/sandwich-unit-XXXXXX";
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Directory() { [[maybe_unused]] const int status = ::system(("rm -rf '" + path + "'").c_str()); }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    std::string path;
};

std::string content(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

unsigned mode_of(const std::string& path) {
    struct stat facts {};
    return ::stat(path.c_str(), &facts) == 0 ? facts.st_mode & 07777 : 0;
}

}  // namespace

TEST_CASE("a pid file has one holder, is empty until ready, and goes with it") {
    const Directory directory;
    const auto path = directory.path + "/pid";
    std::ofstream(path) << "4711\n";  // of a daemon that was killed
    {
        auto held = supervisor::PidFile::lock(path);
        REQUIRE(held);
        CHECK(content(path).empty());
        const auto second = supervisor::PidFile::lock(path);
        REQUIRE_FALSE(second);
        CHECK(second.error().message.find("another sandwichd runs already (not ready yet,") == 0);
        REQUIRE(held->write());
        CHECK(content(path) == std::to_string(::getpid()) + "\n");
        CHECK(supervisor::PidFile::lock(path).error().message.find("(pid " + std::to_string(::getpid())) !=
              std::string::npos);
        CHECK(mode_of(path) == 0644);
    }
    CHECK(::access(path.c_str(), F_OK) != 0);
    CHECK(supervisor::PidFile::lock(path));
}

TEST_CASE("a pid file is not made through a symbolic link, nor in a directory that is not there") {
    const Directory directory;
    const auto precious = directory.path + "/precious";
    std::ofstream(precious) << "text";
    REQUIRE(::symlink(precious.c_str(), (directory.path + "/pid").c_str()) == 0);
    CHECK_FALSE(supervisor::PidFile::lock(directory.path + "/pid"));
    CHECK(content(precious) == "text");
    CHECK_FALSE(supervisor::PidFile::lock(directory.path + "/missing/pid"));
}

TEST_CASE("the service manager is told at its path or abstract address, and nobody else is") {
    const Directory directory;
    for (const std::string& name : {directory.path + "/notify", "@sandwich-unit-" + std::to_string(::getpid())}) {
        const base::UniqueFd manager(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, name.data(), name.size());
        if (name.front() == '@')
            address.sun_path[0] = '\0';
        REQUIRE(::bind(manager.get(), reinterpret_cast<const sockaddr*>(&address),
                       static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())) == 0);
        ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
        const supervisor::ServiceManager service_manager;
        CHECK(std::getenv("NOTIFY_SOCKET") == nullptr);
        service_manager.tell("READY=1");
        std::array<char, 100> text{};
        REQUIRE(::recv(manager.get(), text.data(), text.size(), 0) == 7);
        CHECK(std::string_view(text.data()) == "READY=1");
        const supervisor::ServiceManager without;
        without.tell("READY=1");
        CHECK(::recv(manager.get(), text.data(), text.size(), 0) < 0);
    }
    ::setenv("NOTIFY_SOCKET", std::string(200, 'x').c_str(), 1);
    supervisor::ServiceManager().tell("READY=1");  // too long for an address: ignored
}

TEST_CASE("restarts come at once, then slower and slower, and at once again after a long life") {
    supervisor::Backoff backoff;
    const base::Monotonic::time_point now{};
    std::vector<long> waits;
    for (int i = 0; i < 8; ++i)
        waits.push_back((backoff.next(now, now) - now) / 1ms);
    CHECK(waits == std::vector<long>{0, 100, 200, 400, 800, 1600, 3200, 5000});
    CHECK(backoff.next(now, now + 59s) == now + 59s + 5s);
    CHECK(backoff.next(now, now + 60s) == now + 60s);
    CHECK(backoff.next(now, now + 1s) == now + 1s + 100ms);
}

TEST_CASE("missing directories are made, others left as they are") {
    const Directory directory;
    REQUIRE(::chmod(directory.path.c_str(), 0711) == 0);
    config::Settings settings;
    settings.pid_file = directory.path + "/run/one/pid";
    settings.control_socket = directory.path + "/run/two/control";
    settings.spool_directory = directory.path + "/spool";
    settings.quarantine_path = directory.path + "/lib/quarantine";
    settings.journal_path = directory.path + "/lib/journal";
    settings.explain_path = directory.path + "/lib/why";
    settings.users_path = directory.path + "/lib/users";
    const auto umask_before = ::umask(027);
    CHECK(supervisor::make_directories(settings, std::nullopt));
    ::umask(umask_before);
    CHECK(mode_of(directory.path + "/run/one") == 0755);
    CHECK(mode_of(directory.path + "/run/two") == 0755);
    CHECK(mode_of(directory.path + "/lib") == 0755);
    CHECK(mode_of(directory.path + "/spool") == 0700);
    CHECK(mode_of(directory.path + "/lib/quarantine") == 0700);
    REQUIRE(::chmod((directory.path + "/spool").c_str(), 0750) == 0);
    CHECK(supervisor::make_directories(settings, std::nullopt));
    CHECK(mode_of(directory.path + "/spool") == 0750);
    CHECK(mode_of(directory.path) == 0711);
    std::ofstream(directory.path + "/file") << "x";
    settings.spool_directory = directory.path + "/file/below";
    CHECK_FALSE(supervisor::make_directories(settings, std::nullopt));
}

TEST_CASE("a control socket has mode 0660 and a path of bounded length") {
    const Directory directory;
    const auto path = directory.path + "/control";
    const auto umask_before = ::umask(0);
    const auto fd = supervisor::listen_control(path, std::nullopt);
    ::umask(umask_before);
    REQUIRE(fd);
    CHECK(mode_of(path) == 0660);
    CHECK_FALSE(supervisor::listen_control(directory.path + "/" + std::string(108, 'x'), std::nullopt));
}

TEST_CASE("[::] leaves IPv4 alone") {
    const auto any = net::Address::parse("::");
    REQUIRE(any);
    const auto v6 = supervisor::listen_tcp({*any, 0}, 0ms);
    if (!v6 && v6.error().message.find("not supported") != std::string::npos)
        return;  // a system without IPv6
    REQUIRE(v6);
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    REQUIRE(::getsockname(v6->get(), reinterpret_cast<sockaddr*>(&storage), &length) == 0);
    const auto port = net::Endpoint::from_sockaddr(reinterpret_cast<const sockaddr*>(&storage)).port;
    CHECK(supervisor::listen_tcp({net::Address(), port}, 0ms));
    CHECK_FALSE(supervisor::listen_tcp({*any, port}, 100ms));
}

TEST_CASE("how a process ended, in words") {
    CHECK(supervisor::describe_status(0x0300) == "exit status 3");
    CHECK(supervisor::describe_status(9) == "signal 9 (Killed)");
}
