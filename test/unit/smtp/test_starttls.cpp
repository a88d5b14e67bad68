// STARTTLS on both sides of the protocol (RFC 3207); the switch itself is the owner's.
#include <doctest/doctest.h>

#include "chunks.hpp"
#include "dialogue.hpp"
#include "smtp/client_protocol.hpp"

namespace {

using dialogue::Dialogue;
using dialogue::Events;
using Client = smtp::ClientProtocol;

struct Offering : Dialogue {
    explicit Offering(bool required = false) { server.offer_starttls(required); }
    void switch_over() {
        REQUIRE(feed("STARTTLS\r\n") == Events{"STARTTLS"});
        answer(220);
        CHECK(output() == "220 x\r\n");
        server.secured();
    }
};

// A client that has been greeted, has said EHLO and STARTTLS, and has got `reply`.
Client::Event after_starttls(std::string_view reply, Client& client) {
    std::string_view text = "220 mx\r\n";
    client.next(text);
    client.ehlo("sandwich.test");
    text = "250-mx\r\n250-PIPELINING\r\n250-DSN\r\n250 STARTTLS\r\n";
    client.next(text);
    REQUIRE(client.extensions().starttls);
    client.starttls();
    client.mail("a@b", "");  // must not be in the same segment, whatever the server pipelines
    client.take_output();
    return client.next(reply);
}

}  // namespace

TEST_CASE("STARTTLS is taken once, after EHLO, alone and outside a transaction") {
    Offering smtp;
    CHECK(smtp.say("STARTTLS\r\n").starts_with("503 5.5.1 "));
    smtp.feed("HELO client.test\r\n");
    smtp.answer(250);
    smtp.output();
    CHECK(smtp.say("STARTTLS\r\n").starts_with("503 5.5.1 "));
    smtp.hello();
    CHECK(smtp.server.offers_starttls());
    CHECK(smtp.say("STARTTLS x\r\n").starts_with("501 5.5.4 "));
    smtp.mail();
    CHECK(smtp.say("STARTTLS\r\n").starts_with("503 5.5.1 "));
    smtp.feed("RSET\r\n");
    smtp.output();
    smtp.switch_over();
    CHECK_FALSE(smtp.server.offers_starttls());
    smtp.hello();
    CHECK(smtp.say("STARTTLS\r\n").starts_with("503 5.5.1 "));
}

TEST_CASE("a refused STARTTLS changes nothing") {
    Offering smtp;
    smtp.hello();
    REQUIRE(smtp.feed("STARTTLS\r\n") == Events{"STARTTLS"});
    smtp.answer(454);
    CHECK(smtp.output() == "454 x\r\n");
    CHECK(smtp.server.offers_starttls());
    CHECK(smtp.feed("MAIL FROM:<a@b>\r\n") == Events{"MAIL <a@b>"});
}

TEST_CASE("what was said before TLS is forgotten") {
    Offering smtp;
    smtp.hello();
    smtp.switch_over();
    CHECK_FALSE(smtp.server.esmtp());
    CHECK(smtp.server.client_name().empty());
    CHECK(smtp.say("MAIL FROM:<a@b>\r\n").starts_with("503 5.5.1 "));
    smtp.hello();
    CHECK(smtp.feed("MAIL FROM:<a@b>\r\n") == Events{"MAIL <a@b>"});
}

TEST_CASE("commands behind STARTTLS end the session") {
    for (const std::string behind : {"E", "\r\n", "NOOP\r\n", "EHLO x\r\nMAIL FROM:<a@b>\r\n"}) {
        Offering smtp;
        smtp.hello();
        CHECK(smtp.feed("STARTTLS\r\n" + behind) == Events{"Broken: in the clear behind STARTTLS"});
        CHECK(smtp.output().starts_with("421 4.7.0 "));
        CHECK(smtp.feed("NOOP\r\n").empty());
        CHECK(smtp.output().empty());
    }
}

TEST_CASE("between the answer and TLS nothing is taken") {
    Offering smtp;
    smtp.hello();
    smtp.feed("STARTTLS\r\n");
    CHECK_FALSE(smtp.server.wants_input());
    CHECK(smtp.feed("NOOP\r\n").empty());
    smtp.answer(220);
    smtp.output();
    CHECK_FALSE(smtp.server.wants_input());
    CHECK(smtp.feed("NOOP\r\n").empty());
    CHECK(smtp.output().empty());
    CHECK(smtp.input == "NOOP\r\nNOOP\r\n");  // left over, for the owner to see
}

TEST_CASE("where TLS is required, MAIL in the clear gets 530") {
    Offering smtp(true);
    smtp.hello();
    CHECK(smtp.say("MAIL FROM:<a@b>\r\n").starts_with("530 5.7.0 "));
    CHECK(smtp.say("NOOP\r\n").starts_with("250 "));
    smtp.switch_over();
    CHECK(smtp.say("MAIL FROM:<a@b>\r\n").starts_with("503 "));
    smtp.hello();
    CHECK(smtp.feed("MAIL FROM:<a@b>\r\n") == Events{"MAIL <a@b>"});
}

TEST_CASE("a client forgets what was offered before TLS") {
    Client client;
    const auto event = after_starttls("220 go ahead\r\n", client);
    REQUIRE(std::holds_alternative<Client::Answer>(event));
    CHECK(std::get<Client::Answer>(event).to == Client::Expect::kStarttls);
    CHECK(client.extensions() == smtp::Extensions{});
}

TEST_CASE("a client whose STARTTLS was refused knows what it knew") {
    Client client;
    const auto event = after_starttls("454 not now\r\n", client);
    CHECK(std::get<Client::Answer>(event).reply.code == 454);
    CHECK(client.extensions().dsn);
}

TEST_CASE("octets behind the answer to STARTTLS are garbage to a client") {
    for (const std::string behind : {"2", "250 mx\r\n", "\r\n"}) {
        Client client;
        CHECK(std::holds_alternative<Client::Garbage>(after_starttls("220 go ahead\r\n" + behind, client)));
    }
}

TEST_CASE("STARTTLS of the delivery server is not passed on") {
    smtp::Extensions downstream;
    downstream.starttls = true;
    CHECK_FALSE(smtp::offer(downstream, 0).starttls);
    smtp::Extensions ours;
    ours.starttls = true;
    const auto reply = smtp::ehlo_reply("mx", ours);
    CHECK(reply.lines.back() == "STARTTLS");
    CHECK(smtp::parse_ehlo(reply).starttls);
}
