#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "chunks.hpp"
#include "smtp/client_protocol.hpp"

namespace {

std::string joined(const smtp::Runs& runs) {
    std::string text;
    for (const auto run : runs)
        text += run;
    return text;
}

using Client = smtp::ClientProtocol;
using Expect = Client::Expect;

const char* name_of(Expect expect) {
    switch (expect) {
        case Expect::kGreeting:
            return "greeting";
        case Expect::kEhlo:
            return "ehlo";
        case Expect::kHelo:
            return "helo";
        case Expect::kStarttls:
            return "starttls";
        case Expect::kMail:
            return "mail";
        case Expect::kRcpt:
            return "rcpt";
        case Expect::kData:
            return "data";
        case Expect::kEndOfData:
            return "end";
        case Expect::kRset:
            return "rset";
        case Expect::kQuit:
            return "quit";
        case Expect::kXforward:
            return "xforward";
        case Expect::kVrfy:
            return "vrfy";
    }
    return "?";
}

// Events up to Nothing, as "mail 250, rcpt 550".
std::string feed(Client& client, std::string_view bytes) {
    std::string events;
    while (true) {
        const auto event = client.next(bytes);
        if (std::holds_alternative<Client::Nothing>(event)) {
            CHECK(bytes.empty());
            return events;
        }
        if (!events.empty())
            events += ", ";
        if (const auto* answer = std::get_if<Client::Answer>(&event))
            events += std::string(name_of(answer->to)) + " " + std::to_string(answer->reply.code);
        else if (const auto* unexpected = std::get_if<Client::Unexpected>(&event))
            events += "unexpected " + std::to_string(unexpected->reply.code);
        else
            return events + "garbage";
    }
}

Client greeted(std::string_view ehlo_reply) {
    Client client;
    client.ehlo("sandwich.test");
    feed(client, "220 mx ESMTP\r\n");
    feed(client, ehlo_reply);
    client.take_output();
    return client;
}

constexpr std::string_view kPipelining = "250-mx\r\n250-PIPELINING\r\n250 DSN\r\n";
constexpr std::string_view kPlain = "250-mx\r\n250 DSN\r\n";

}  // namespace

TEST_CASE("nothing is said before the greeting, which may have several lines") {
    Client client;
    client.ehlo("sandwich.test");
    CHECK(client.outstanding() == 2);
    CHECK(client.take_output().empty());
    CHECK(feed(client, "220-mx\r\n220-be patient\r\n").empty());
    CHECK(client.take_output().empty());
    CHECK(feed(client, "220 ESMTP\r\n") == "greeting 220");
    CHECK(client.take_output() == "EHLO sandwich.test\r\n");
    CHECK(client.outstanding() == 1);
}

TEST_CASE("the extensions are those of the last EHLO") {
    auto client = greeted(kPipelining);
    CHECK(client.extensions().pipelining);
    CHECK(client.extensions().dsn);
    client.ehlo("sandwich.test");
    CHECK(feed(client, "250 mx\r\n") == "ehlo 250");
    CHECK(client.extensions() == smtp::Extensions{});
    client.ehlo("sandwich.test");
    feed(client, kPipelining);
    client.ehlo("sandwich.test");
    CHECK(feed(client, "502-PIPELINING\r\n502 PIPELINING\r\n") == "ehlo 502");
    CHECK(client.extensions() == smtp::Extensions{});
}

TEST_CASE("HELO has no extensions, whatever an EHLO before it had") {
    auto client = greeted(kPipelining);
    client.helo("sandwich.test");
    CHECK(client.take_output() == "HELO sandwich.test\r\n");
    CHECK(feed(client, "250-mx\r\n250 PIPELINING\r\n") == "helo 250");
    CHECK_FALSE(client.extensions().pipelining);
}

TEST_CASE("without PIPELINING one command goes out at a time") {
    auto client = greeted(kPlain);
    client.mail("a@b", " SIZE=1");
    client.rcpt("c@d", " NOTIFY=NEVER");
    client.rcpt("e@f", "");
    client.data();
    CHECK(client.outstanding() == 4);
    CHECK(client.take_output() == "MAIL FROM:<a@b> SIZE=1\r\n");
    CHECK(feed(client, "250 ok\r\n") == "mail 250");
    CHECK(client.take_output() == "RCPT TO:<c@d> NOTIFY=NEVER\r\n");
    CHECK(feed(client, "550 no\r\n") == "rcpt 550");
    CHECK(client.take_output() == "RCPT TO:<e@f>\r\n");
    CHECK(feed(client, "250 ok\r\n") == "rcpt 250");
    CHECK(client.take_output() == "DATA\r\n");
    CHECK(client.outstanding() == 1);
}

TEST_CASE("with PIPELINING a group goes out at once, and DATA is its last") {
    auto client = greeted(kPipelining);
    client.rset();
    client.mail("", "");
    client.rcpt("c@d", "");
    client.data();
    client.rset();
    client.quit();
    CHECK(client.take_output() == "RSET\r\nMAIL FROM:<>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
    CHECK(feed(client, "250 ok\r\n250 ok\r\n550 no\r\n") == "rset 250, mail 250, rcpt 550");
    CHECK(client.take_output().empty());
    CHECK(feed(client, "554 no valid recipients\r\n") == "data 554");
    CHECK(client.take_output() == "RSET\r\nQUIT\r\n");
    CHECK(feed(client, "250 ok\r\n221 bye\r\n") == "rset 250, quit 221");
    CHECK(client.outstanding() == 0);
}

TEST_CASE("EHLO, HELO and QUIT are the last of their groups") {
    auto client = greeted(kPipelining);
    client.ehlo("sandwich.test");
    client.mail("a@b", "");
    CHECK(client.take_output() == "EHLO sandwich.test\r\n");
    feed(client, kPipelining);
    CHECK(client.take_output() == "MAIL FROM:<a@b>\r\n");
    client.helo("sandwich.test");
    client.rset();
    CHECK(client.take_output() == "HELO sandwich.test\r\n");
    feed(client, "250 ok\r\n250 mx\r\n");
    CHECK(client.take_output() == "RSET\r\n");
    client.quit();
    client.rset();
    feed(client, "250 ok\r\n");
    CHECK(client.take_output() == "QUIT\r\n");
}

TEST_CASE("a mail goes out stuffed, and nothing else goes out before its end is answered") {
    auto client = greeted(kPipelining);
    client.mail("a@b", "");
    client.rcpt("c@d", "");
    client.data();
    CHECK(feed(client, "250 ok\r\n250 ok\r\n354 go\r\n") == "mail 250, rcpt 250, data 354");
    client.take_output();
    client.rset();
    smtp::Runs runs;
    for (const std::string_view piece : {"Subject: x\r\n\r\n.dot\r", "\n.", "", "\r\n"})
        CHECK(client.body(piece, runs, 99) == piece.size());
    CHECK(joined(runs) == "Subject: x\r\n\r\n..dot\r\n..\r\n");
    runs.clear();
    client.end_of_data(runs);
    CHECK(joined(runs) == ".\r\n");
    CHECK(client.outstanding() == 1);
    client.data_sent();
    CHECK(client.outstanding() == 2);
    CHECK(client.take_output().empty());
    CHECK(feed(client, "250 2.0.0 taken\r\n") == "end 250");
    CHECK(client.take_output() == "RSET\r\n");
}

TEST_CASE("the next mail on the same connection starts at a line start") {
    auto client = greeted(kPlain);
    for (int i = 0; i < 2; ++i) {
        client.data();
        feed(client, "354 go\r\n");
        client.take_output();
        smtp::Runs runs;
        client.body(".no line end", runs, 99);
        client.end_of_data(runs);
        CHECK(joined(runs) == "..no line end\r\n.\r\n");
        client.data_sent();
        feed(client, "250 ok\r\n");
    }
}

TEST_CASE("a reply that nothing waits for is unexpected") {
    auto client = greeted(kPlain);
    CHECK(feed(client, "421 shutting down\r\n") == "unexpected 421");
    client.data();
    CHECK(feed(client, "354 go\r\n") == "data 354");
    CHECK(feed(client, "451 too early\r\n") == "unexpected 451");
    smtp::Runs runs;
    client.body("x\r\n", runs, 99);
    client.end_of_data(runs);
    CHECK(feed(client, "452 in the middle\r\n") == "unexpected 452");
    client.data_sent();
    CHECK(feed(client, "250 ok\r\n250 again\r\n") == "end 250, unexpected 250");
}

TEST_CASE("what comes along with the 354 is no answer to the text") {
    for (const std::string_view more : {"250 taken\r\n", "452 full\r\n", "250 half an an"}) {
        auto client = greeted(kPipelining);
        client.data();
        CHECK(feed(client, "354 go\r\n" + std::string(more)) == "garbage");
    }
}

TEST_CASE("a server that talks nonsense is garbage, after the answers before it") {
    auto client = greeted(kPipelining);
    client.mail("a@b", "");
    client.rcpt("c@d", "");
    CHECK(feed(client, "250 ok\r\nwhat?\r\n") == "mail 250, garbage");
}

TEST_CASE("answers are the same in any chunking") {
    const std::string replies = "250-ok\r\n250 ok\r\n550 no\n354 go\r\n";
    chunks::for_every_cut(replies, [](const auto& pieces) {
        auto client = greeted(kPipelining);
        client.mail("a@b", "");
        client.rcpt("c@d", "");
        client.data();
        std::string events;
        for (const auto piece : pieces) {
            const auto more = feed(client, piece);
            if (!more.empty())
                events += more + ";";
        }
        for (auto at = events.find(", "); at != std::string::npos; at = events.find(", "))
            events.replace(at, 2, ";");
        CHECK(events == "mail 250;rcpt 550;data 354;");
    });
}

TEST_CASE("no path, parameter or name can bring in a command of its own") {
    auto client = greeted(kPipelining);
    client.mail("a@b>\r\nRCPT TO:<x@y", " SIZE=1\r\nDATA");
    client.rcpt(std::string_view("c\0\n@d", 6), "\rNOTIFY=NEVER\n");
    client.ehlo("me\r\nQUIT");
    feed(client, "250 ok\r\n250 ok\r\n");
    CHECK(client.take_output() ==
          "MAIL FROM:<a@b>RCPT TO:<x@y> SIZE=1DATA\r\nRCPT TO:<c@d>NOTIFY=NEVER\r\nEHLO meQUIT\r\n");
}
