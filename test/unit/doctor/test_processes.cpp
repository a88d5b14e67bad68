// Who listens, pid files, programs that are run.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/unique_fd.hpp"
#include "doctor/ports.hpp"
#include "doctor/processes.hpp"

using namespace doctor;

namespace {

net::Endpoint at(std::string_view address, std::uint16_t port) {
    return {*net::Address::parse(address), port};
}

const Process kOurs{10, "sandwichd", "sandwichd"};

PortFacts good_port() {
    return {at("127.0.0.1", 18000),
            "proxy",
            "sandwichd",
            "/run/sandwichd.pid",
            10,
            {{at("127.0.0.1", 18000), {kOurs, {11, "sandwichd-proxy", ""}}},
             {at("0.0.0.0", 25), {{9, "sendmail-mta", ""}}}}};
}

Deadline soon() {
    return base::Monotonic::now() + std::chrono::seconds(20);
}

}  // namespace

TEST_CASE("the kernel's table of sockets") {
    const auto found = parse_tcp_table(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:4650 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 "
        "10 0\n"
        "   1: 0100007F:4650 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 "
        "10 0\n"
        "   2: 00000000000000000000000001000000:0019 00000000000000000000000000000000:0000 0A 00000000:00000000 "
        "00:00000000 "
        "00000000     0        0 4713 1 0 100 0 0 10 0\n"
        "   3: nonsense\n");
    REQUIRE(found.size() == 2);
    CHECK(found[0] == ListeningSocket{at("127.0.0.1", 18000), 4711});
    CHECK(found[1] == ListeningSocket{at("::1", 25), 4713});
}

TEST_CASE("a socket of this very process is found") {
    const base::UniqueFd socket(::socket(AF_INET, SOCK_STREAM, 0));
    REQUIRE(::listen(socket.get(), 1) == 0);
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    REQUIRE(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&storage), &length) == 0);
    const auto wanted = net::Endpoint::from_sockaddr(reinterpret_cast<const sockaddr*>(&storage));
    bool found = false;
    for (const auto& listener : find_listeners())
        if (listener.address == wanted)
            for (const auto& owner : listener.owners)
                found = found || owner.pid == ::getpid();
    CHECK(found);
}

TEST_CASE("a port: ours, nobody's, a stranger's, another daemon's") {
    CHECK(judge_port(good_port()).level == Level::kOk);

    auto facts = good_port();
    facts.listeners.clear();
    auto found = judge_port(facts);
    CHECK(found.level == Level::kFailure);
    CHECK(found.text == "nobody listens on 127.0.0.1:18000");
    CHECK(found.cure.find("service sandwich start proxy") == 0);

    facts = good_port();
    facts.listeners[0].address = at("192.0.2.1", 18000);  // not where it should
    CHECK(judge_port(facts).level == Level::kFailure);
    facts.listeners[0].address = at("0.0.0.0", 18000);
    CHECK(judge_port(facts).level == Level::kOk);

    facts = good_port();
    facts.listeners[0].owners = {{12, "exim4", ""}};
    found = judge_port(facts);
    CHECK(found.level == Level::kFailure);
    CHECK(found.text.find("exim4 (pid 12)") != std::string::npos);

    facts = good_port();
    facts.pid = 99;  // a sandwichd that is not the one of the pid file
    CHECK(judge_port(facts).level == Level::kFailure);
    facts.pid.reset();
    CHECK(judge_port(facts).level == Level::kFailure);

    facts = good_port();
    facts.listeners[0].owners.clear();  // not root
    found = judge_port(facts);
    CHECK(found.level == Level::kWarning);
    CHECK(found.cure == "run sandwichctl doctor as root");
}

TEST_CASE("pid files") {
    const auto good = parse_pid_file("f", "123\nsendmail -bd -q10m\n");
    CHECK(good.pid == 123);
    CHECK(good.command == "sendmail -bd -q10m");
    CHECK_FALSE(parse_pid_file("f", "").pid);
    CHECK_FALSE(parse_pid_file("f", "12x\n").pid);
    CHECK_FALSE(parse_pid_file("f", "-5\n").pid);
    CHECK_FALSE(read_pid_file("/no/such/file").why.empty());
}

TEST_CASE("programs: output, status, absence, and one that does not end") {
    const auto good = run_program({"/bin/sh", "-c", "echo a; echo b >&2; exit 3"}, soon());
    REQUIRE(good);
    CHECK(good->status == 3);
    CHECK(good->text == "a\nb\n");
    CHECK_FALSE(run_program({"/no/such/program"}, soon()));
    const auto endless =
        run_program({"/bin/sh", "-c", "sleep 1000"}, base::Monotonic::now() + std::chrono::milliseconds(50));
    REQUIRE_FALSE(endless);
    CHECK(endless.error().message.find("did not end in time") != std::string::npos);
}
