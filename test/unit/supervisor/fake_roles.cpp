// Stand-ins for the proxy, the zygote and the runner, so that a test can make them fail at any point of their contract
// with the supervisor (roles.hpp). What they do stands in files of the directory SANDWICH_FAKE, whose content decides:
//
//   zygote-refuse   the zygote says 'E' and this text
//   zygote-crash    it dies before it has said anything
//   zygote-wait     it loads until this file is gone
//   proxy-refuse    the proxy says 'E' and this text instead of 'R'
//   proxy-reject    it refuses each new configuration with this text
//   proxy-linger    it takes this many milliseconds to drain
//
// All write what happens to them into SANDWICH_FAKE/events, a line each.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include "base/channel.hpp"
#include "config/settings.hpp"
#include "roles.hpp"

namespace {

std::string directory() {
    const char* path = std::getenv("SANDWICH_FAKE");
    return path == nullptr ? "/nonexistent" : path;
}

std::optional<std::string> wish(const std::string& name) {
    std::ifstream file(directory() + "/" + name);
    if (!file)
        return std::nullopt;
    std::string text;
    std::getline(file, text);
    return text;
}

void note(const std::string& role, const std::string& what) {
    const auto line = fmt::format("{} {} {}\n", role, ::getpid(), what);
    const base::UniqueFd file(
        ::open((directory() + "/events").c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666));
    [[maybe_unused]] const auto written = ::write(file.get(), line.data(), line.size());
}

void say(const std::string& packet) {
    [[maybe_unused]] const auto sent = base::send_packet(roles::kSupervisorFd, packet);
}

// Everything that is open, so that a test sees what leaked.
std::string open_descriptors() {
    std::string text;
    for (int fd = 0; fd < 64; ++fd)
        if (::fcntl(fd, F_GETFD) >= 0)
            text += fmt::format(" {}", fd);
    return text;
}

void drain() {
    if (const auto patience = wish("proxy-linger"))
        std::this_thread::sleep_for(std::chrono::milliseconds(std::stoi(*patience)));
}

}  // namespace

namespace roles {

int run_proxy(const config::Settings& settings, unsigned) {
    ::signal(SIGTERM, SIG_IGN);
    note("proxy", fmt::format("uid={} gid={} fds={}", ::getuid(), ::getgid(), open_descriptors()));
    if (const auto text = wish("proxy-refuse")) {
        say("E" + *text);
        return 1;
    }
    say("R");
    base::UniqueFd scanners;
    for (;;) {
        pollfd ready[] = {{kSupervisorFd, POLLIN, 0}, {kFirstListenFd, POLLIN, 0}};
        ::poll(ready, 2, -1);
        if (ready[1].revents != 0) {
            const base::UniqueFd client(::accept4(kFirstListenFd, nullptr, nullptr, SOCK_CLOEXEC));
            const auto text = fmt::format("220 {} {}\r\n", ::getpid(), settings.smtp_greeting_msg);
            [[maybe_unused]] const auto written = ::write(client.get(), text.data(), text.size());
        }
        if (ready[0].revents == 0)
            continue;
        base::Packet packet;
        if (base::receive_packet(kSupervisorFd, packet, true) != base::Received::kPacket) {
            note("proxy", "supervisor gone");
            return 0;
        }
        note("proxy", packet.bytes);
        if (packet.bytes.front() == 'Z')
            scanners = std::move(packet.descriptors.at(0));
        if (packet.bytes.front() == 'C') {
            const auto text = wish("proxy-reject");
            if (text == "die")
                ::raise(SIGKILL);
            if (!text && packet.descriptors.size() == 3)
                scanners = std::move(packet.descriptors.at(2));
            say(text ? "E" + *text : "C");
        }
        if (packet.bytes.front() == 'Q') {
            drain();
            return 0;
        }
    }
}

int run_zygote(const config::Settings&) {
    note("zygote", fmt::format("uid={} fds={}", ::getuid(), open_descriptors()));
    if (const auto text = wish("zygote-refuse")) {
        say("E" + *text);
        return 1;
    }
    if (wish("zygote-crash"))
        ::raise(SIGABRT);  // a signal that no sanitizer takes for itself
    while (wish("zygote-wait"))
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    if (::sched_getscheduler(0) == SCHED_IDLE) {
        say("L");
        base::Packet packet;
        base::receive_packet(kSupervisorFd, packet, true);
        note("zygote", fmt::format("{} class={}", packet.bytes, ::sched_getscheduler(0)));
    }
    say("Rfake signatures " + wish("signatures").value_or("1"));
    base::UniqueFd served;
    for (;;) {
        base::Packet packet;
        if (base::receive_packet(kSupervisorFd, packet, true) != base::Received::kPacket) {
            note("zygote", "supervisor gone");
            return 0;
        }
        note("zygote", packet.bytes);
        if (packet.bytes.front() == 'S')
            served = std::move(packet.descriptors.at(0));
    }
}

int run_runner(const config::Settings&) {
    note("runner", fmt::format("uid={} fds={}", ::getuid(), open_descriptors()));
    base::UniqueFd served;
    for (;;) {
        base::Packet packet;
        if (base::receive_packet(kSupervisorFd, packet, true) != base::Received::kPacket) {
            note("runner", "supervisor gone");
            return 0;
        }
        note("runner", packet.bytes);
        if (packet.bytes.front() == 'S')
            served = std::move(packet.descriptors.at(0));
        if (packet.bytes.front() == 'L')
            return 0;
    }
}

}  // namespace roles
