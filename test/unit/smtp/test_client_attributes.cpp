#include <doctest/doctest.h>

#include "dialogue.hpp"
#include "smtp/client_attributes.hpp"
#include "smtp/extensions.hpp"

using dialogue::Dialogue;
using dialogue::Events;
using smtp::ClientAttributes;
using Lines = std::vector<std::string>;

namespace {

constexpr std::uint8_t kAll = 0x7f;

ClientAttributes xforward(std::string_view argument) {
    ClientAttributes attributes;
    REQUIRE(smtp::parse_xforward(argument, attributes));
    return attributes;
}

}  // namespace

TEST_CASE("what Postfix sends is understood") {
    auto attributes = xforward("NAME=spike.example.test ADDR=192.0.2.7 PORT=4711 PROTO=ESMTP");
    CHECK(attributes.name == "spike.example.test");
    CHECK(attributes.addr == "192.0.2.7");
    CHECK(attributes.port == "4711");
    CHECK(attributes.proto == "ESMTP");
    REQUIRE(smtp::parse_xforward("helo=a+2Bb+3Dc  ident=ABC source=REMOTE name=[unavailable]", attributes));
    CHECK(attributes.helo == "a+b=c");
    CHECK(attributes.ident == "ABC");
    CHECK(attributes.source == "REMOTE");
    CHECK(attributes.name.empty());
    CHECK(attributes.addr == "192.0.2.7");
    CHECK(xforward("ADDR=IPV6:2001:db8::1").addr == "2001:db8::1");
    CHECK(xforward("ADDR=ipv6:2001:db8::1").addr == "2001:db8::1");
    CHECK(xforward("NAME=[TEMPUNAVAIL] ADDR=+5BUNAVAILABLE+5D").empty());
    ClientAttributes introduced;
    REQUIRE(smtp::parse_xclient("LOGIN=joe DESTADDR=IPV6:::1 DESTPORT=25", introduced));
    CHECK(introduced.login == "joe");
    CHECK(introduced.destaddr == "::1");
}

TEST_CASE("a bad argument changes nothing and is refused") {
    for (const auto* bad : {"", " ", "ADDR", "=x", "ADDR=1.2.3.4 FOO=bar", "LOGIN=joe", "NAME=a+2", "NAME=a+zz",
                            "NAME=+0D+0A", "NAME=+00", "PORT=smtp", "PORT=123456", "NAME+x"}) {
        auto attributes = xforward("HELO=before");
        CAPTURE(bad);
        const auto parsed = smtp::parse_xforward(bad, attributes);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().message.starts_with("5.5.4 "));
        CHECK(attributes == xforward("HELO=before"));
    }
    ClientAttributes attributes;
    CHECK(smtp::parse_xforward("HELO=" + std::string(255, 'x'), attributes));
    CHECK_FALSE(smtp::parse_xforward("HELO=" + std::string(256, 'x'), attributes));
    CHECK_FALSE(smtp::parse_xclient("IDENT=x", attributes));
}

TEST_CASE("what is known is said in commands that a line can hold, and reads back as it was") {
    auto client = xforward("NAME=a.test ADDR=IPV6:2001:db8::1 PORT=1 PROTO=SMTP HELO=a+20b+2B IDENT=Q1 SOURCE=REMOTE");
    CHECK(smtp::xforward_commands(client, kAll) ==
          Lines{"NAME=a.test ADDR=IPV6:2001:db8::1 PORT=1 PROTO=SMTP HELO=a+20b+2B IDENT=Q1 SOURCE=REMOTE"});
    CHECK(smtp::xforward_commands(client, smtp::parse_xforward_offer("ADDR helo X-NEW")) ==
          Lines{"ADDR=IPV6:2001:db8::1 HELO=a+20b+2B"});
    CHECK(smtp::xforward_commands(client, 0).empty());
    CHECK(smtp::xforward_commands({}, smtp::parse_xforward_offer("NAME ADDR")) ==
          Lines{"NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE]"});
    client.name = client.helo = client.ident = std::string(230, 'x');
    const auto commands = smtp::xforward_commands(client, kAll);
    CHECK(commands.size() == 3);
    ClientAttributes read;
    for (const auto& command : commands) {
        CHECK(command.size() <= 490);
        CHECK(smtp::parse_xforward(command, read));
    }
    CHECK(read == client);
    client.helo = std::string(255, '\xe4');  // three times as long in xtext
    CHECK(smtp::xforward_commands(client, smtp::parse_xforward_offer("HELO")) == Lines{"HELO=[UNAVAILABLE]"});
}

TEST_CASE("a server's offer of XFORWARD is its own and not passed on") {
    const auto offered =
        smtp::parse_ehlo({250, {"mx", "XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT", "XCLIENT NAME"}});
    CHECK(offered.xforward == kAll);
    CHECK(smtp::offer(offered, 0).xforward == 0);
    CHECK(smtp::both(offered, offered).xforward == 0);
}

TEST_CASE("XCLIENT and XFORWARD are unknown to those who may not use them") {
    Dialogue smtp;
    smtp.hello();
    CHECK(smtp.say("XCLIENT ADDR=192.0.2.1\r\n") == "500 5.5.1 Command not known\r\n");
    CHECK(smtp.say("XFORWARD ADDR=192.0.2.1\r\n") == "500 5.5.1 Command not known\r\n");
}

TEST_CASE("XCLIENT begins the session anew; XFORWARD does not; neither comes within a mail") {
    Dialogue smtp({.client_attributes = true});
    smtp.hello();
    CHECK(smtp.feed("XFORWARD ADDR=192.0.2.1\r\n") == Events{"XFORWARD ADDR=192.0.2.1"});
    smtp.answer(250);
    CHECK(smtp.feed("MAIL FROM:<a@b>\r\n") == Events{"MAIL <a@b>"});
    smtp.answer(250);
    smtp.output();
    CHECK(smtp.say("XCLIENT ADDR=192.0.2.1\r\n").starts_with("503 "));
    CHECK(smtp.say("XFORWARD ADDR=192.0.2.1\r\n").starts_with("503 "));
    smtp.feed("RSET\r\n");
    CHECK(smtp.feed("XCLIENT ADDR=192.0.2.1\r\n") == Events{"XCLIENT ADDR=192.0.2.1"});
    smtp.answer(501);
    CHECK(smtp.server.esmtp());
    CHECK(smtp.feed("xclient ADDR=192.0.2.1\r\n") == Events{"XCLIENT ADDR=192.0.2.1"});
    smtp.answer(220);
    CHECK_FALSE(smtp.server.esmtp());
    smtp.output();
    CHECK(smtp.say("MAIL FROM:<a@b>\r\n").starts_with("503 "));
    smtp.hello();
    CHECK(smtp.feed("MAIL FROM:<a@b>\r\n") == Events{"MAIL <a@b>"});
}
