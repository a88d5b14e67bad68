#include <doctest/doctest.h>

#include "config/load.hpp"
#include "config/original.hpp"
#include "expect.hpp"

using config::parse_original;

namespace {

std::string server(std::string_view text) {
    const auto original = parse_original(text, 19000);
    return !original ? "error" : original->command.empty() ? original->server.to_string() : "command";
}

}  // namespace

TEST_CASE("original is a command or a server, as intscan.ini writes it") {
    const auto command = parse_original("/usr/lib/sendmail  -bs\t-C/etc/mail/delivery.cf", 25);
    REQUIRE(command);
    CHECK(command->command == std::vector<std::string>{"/usr/lib/sendmail", "-bs", "-C/etc/mail/delivery.cf"});
    CHECK(server("127.0.0.1 25") == "127.0.0.1:25");
    CHECK(server("localhost 25") == "127.0.0.1:25");
    CHECK(server("LOCALHOST:26") == "127.0.0.1:26");
    CHECK(server("192.0.2.1") == "192.0.2.1:19000");
    CHECK(server("2001:db8::1 26") == "[2001:db8::1]:26");
    CHECK(server("[2001:db8::1]:26") == "[2001:db8::1]:26");
    CHECK(server("::1") == "[::1]:19000");
    for (const char* bad :
         {"", " ", "sendmail -bs", "mail.example.test 25", "127.0.0.1 0", "127.0.0.1 x", "127.0.0.1 25 26"})
        CHECK_MESSAGE(server(bad) == "error", bad);
}

TEST_CASE("original counts more than the delivery servers, and its faults are told with their line") {
    const config::Machine machine{"mx.example.test", {}};
    const auto host = config::parse("[smtp]\noriginal=192.0.2.9 26\ndownstream_smtp_server_addr=192.0.2.1\n", machine);
    REQUIRE(host.settings);
    CHECK(host.settings->downstream.size() == 1);
    CHECK(host.settings->downstream[0].to_string() == "192.0.2.9:26");
    const auto bad = config::parse("[smtp]\n\noriginal=sendmail -bs\n", machine);
    CHECK(!bad.settings);
    CHECK(bad.diagnostics.at(0).line == 3);
    const auto circle = config::parse("[smtp]\noriginal=localhost 18000\n", machine);
    CHECK(!circle.settings);
    const auto tls = config::parse("[smtp]\noriginal=/usr/lib/sendmail -bs\n[tls]\ndownstream=required\n", machine);
    REQUIRE(tls.settings);
    CHECK(tls.diagnostics.at(0).text.find("without TLS") != std::string::npos);
    const auto domains = config::parse("[users]\ndomains=a.test, *.b.test bad..test x@a.test\n", machine);
    CHECK(domains.diagnostics.size() == 2);
}

TEST_CASE("original beside routes of [domain default] leads nowhere, and the warning names both lines") {
    const std::string original = "[smtp]\noriginal=/usr/lib/sendmail -bs -C/etc/mail/delivery.cf\n";
    expect::one(original + "[domain default]\nroute_2=\nroute_3=10 192.0.2.1:26\n",
                "2: warning: ", "route_3 of [domain default] says (line 5)");
    expect::one("[domain default]\nroute_1=10 192.0.2.1\n[smtp]\noriginal=192.0.2.9 26\n",
                "4: warning: ", "original has no effect");
    expect::none(original + "[domain default]\nroute_1=\n");
    expect::none(original + "[domain example.test]\nroute_1=10 192.0.2.1\n");
    expect::none("[domain default]\nroute_1=10 192.0.2.1\n");
}
