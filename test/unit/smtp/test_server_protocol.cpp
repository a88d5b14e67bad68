#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "chunks.hpp"
#include "dialogue.hpp"

using dialogue::Dialogue;
using dialogue::Events;
using dialogue::Server;
using namespace std::string_literals;

TEST_CASE("a mail goes through with its envelope and parameters as they came") {
    Dialogue smtp;
    smtp.server.greet("Sandwich ESMTP proxy");
    CHECK(smtp.output() == "220 sandwich.test Sandwich ESMTP proxy\r\n");

    CHECK(smtp.feed("EHLO mx.example.test\r\n") == Events{"EHLO mx.example.test"});
    smtp.answer(250, "sandwich.test");
    CHECK(smtp.server.esmtp());
    CHECK(smtp.server.client_name() == "mx.example.test");

    CHECK(smtp.feed("MAIL From:<a@b> SIZE=123 BODY=8BITMIME\r\n") == Events{"MAIL <a@b> SIZE=123 BODY=8BITMIME"});
    CHECK_FALSE(smtp.server.in_transaction());
    smtp.answer(250);
    CHECK(smtp.server.in_transaction());
    CHECK(smtp.feed("RCPT To:<c@d> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;c@d\r\n") ==
          Events{"RCPT <c@d> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;c@d"});
    smtp.answer(250);
    CHECK(smtp.server.accepted_recipients() == 1);

    CHECK(smtp.feed("DATA\r\n") == Events{"DATA"});
    CHECK_FALSE(smtp.server.in_data());
    smtp.answer(354);
    CHECK(smtp.server.in_data());
    CHECK(smtp.feed("Subject: x\r\n\r\n..dot\r\n.\r\n") == Events{"Body Subject: x\r\n\r\n.dot\r\n", "EndOfData"});
    CHECK_FALSE(smtp.server.in_data());
    CHECK(smtp.server.in_transaction());
    smtp.answer(250, "2.0.0 taken");
    CHECK_FALSE(smtp.server.in_transaction());
    CHECK(smtp.server.accepted_recipients() == 0);

    CHECK(smtp.feed("QUIT\r\n") == Events{"Quit"});
    CHECK(smtp.output().ends_with("250 2.0.0 taken\r\n221 2.0.0 sandwich.test closing connection\r\n"));
}

TEST_CASE("events and replies of a whole pipelined session are the same however the input is cut") {
    const std::string session =
        "EHLO mx\r\n"
        "NOOP\r\nMAIL FROM:<a@b>\r\nRCPT TO:<no@d>\r\nRCPT TO:<c@d>\r\nRCPT TO:c@d\r\nDATA\r\n"
        "one\r\n..two\nthree\r.\r\n.\r\n"
        "NO\nOP\r\nNO\0P\r\nMAIL FROM:<>\r\nRCPT TO:<no@d>\r\nDATA\r\nRSET\r\nBDAT 5\r\nEHLO again\r\nQUIT\r\n"s;
    const auto run = [](const chunks::Pieces& pieces) {
        Dialogue smtp;
        smtp.on_event = [&smtp](const Server::Event& event) {
            if (const auto* rcpt = std::get_if<Server::Rcpt>(&event))
                smtp.answer(rcpt->argument.path == "no@d" ? 550 : 250);
            else if (std::holds_alternative<Server::Data>(event))
                smtp.answer(354);
            else if (std::holds_alternative<Server::Hello>(event) || std::holds_alternative<Server::Mail>(event) ||
                     std::holds_alternative<Server::EndOfData>(event))
                smtp.answer(250);
        };
        std::string transcript;
        for (const auto piece : pieces) {
            for (const auto& event : smtp.feed(piece))
                transcript += event.starts_with("Body ") ? event.substr(5) : "[" + event + "]";
        }
        CHECK(smtp.input.empty());
        return transcript + "\n" + smtp.output();
    };
    const auto expected = run({session});
    CHECK(expected ==
          "[EHLO mx][MAIL <a@b>][RCPT <no@d>][RCPT <c@d>][DATA]one\r\n.two\r\nthree .\r\n[EndOfData]"
          "[MAIL <>][RCPT <no@d>][Reset][EHLO again][Quit]\n"
          "250 x\r\n250 2.0.0 OK\r\n250 x\r\n550 x\r\n250 x\r\n"
          "501 5.1.3 Syntax: address in angle brackets expected\r\n354 x\r\n250 x\r\n"
          "500 5.5.2 Lines must end with CR LF\r\n500 5.5.2 Control character in the command\r\n"
          "250 x\r\n550 x\r\n554 5.5.1 No valid recipients\r\n250 2.0.0 Reset\r\n"
          "502 5.5.1 Command not implemented\r\n250 x\r\n221 2.0.0 sandwich.test closing connection\r\n");
    chunks::for_every_cut(session, [&](const auto& pieces) { REQUIRE(run(pieces) == expected); });
}

TEST_CASE("commands that need no decision are answered at once, before and after the greeting") {
    for (const bool greeted : {false, true}) {
        Dialogue smtp;
        if (greeted)
            smtp.hello();
        CHECK(smtp.say("NOOP\r\n").starts_with("250 2.0.0 "));
        CHECK(smtp.say("noop some text\r\n").starts_with("250 2.0.0 "));
        CHECK(smtp.say("HELP\r\n").starts_with("214 2.0.0 "));
        CHECK(smtp.say("VRFY a@b\r\n").starts_with("252 2.5.2 "));
        CHECK(smtp.say("EXPN list\r\n").starts_with("502 5.5.1 "));
        CHECK(smtp.say("AUTH PLAIN AGEAYg==\r\n").starts_with("502 5.5.1 "));
        CHECK(smtp.say("starttls\r\n").starts_with("502 5.5.1 "));
        CHECK(smtp.say("BDAT 5 LAST\r\n").starts_with("502 5.5.1 "));
        CHECK(smtp.say("ETRN x\r\n").starts_with("502 5.5.1 "));
        CHECK(smtp.say("GET / HTTP/1.0\r\n").starts_with("500 5.5.1 "));
        CHECK(smtp.say("\r\n").starts_with("500 5.5.1 "));
    }
}

TEST_CASE("a line with a bare CR, a NUL or another control character is refused and never carried out") {
    for (int octet = 0; octet < 32; ++octet) {
        if (octet == '\t' || octet == '\n')
            continue;
        CAPTURE(octet);
        const std::string control(1, static_cast<char>(octet));
        for (const auto& line : {"NOOP" + control, control + "NOOP", "NO" + control + "OP", "MAIL FROM:<a@b>" + control,
                                 "EHLO a" + control, "QUIT" + control, "NOOP" + control + "QUIT"}) {
            Dialogue smtp;
            smtp.hello();
            smtp.mail();
            CHECK(smtp.say(line + "\r\n").starts_with("500 5.5.2 "));
            CHECK(smtp.server.in_transaction());
            CHECK(smtp.say("NOOP\r\n").starts_with("250"));
        }
    }
}

TEST_CASE("a line with a bare LF gets one reply at once, and all of it up to CRLF is dropped") {
    Dialogue smtp;
    smtp.hello();
    CHECK(smtp.say("NOOP\n").starts_with("500 5.5.2 "));
    CHECK(smtp.say("MAIL FROM:<a@b>\nRCPT TO:<c@d>\n\n").empty());
    CHECK(smtp.say("QUIT\r").empty());
    CHECK(smtp.say("\nNOOP\r\n") == "250 2.0.0 OK\r\n");
    CHECK(smtp.say("\nQUIT\r\nNOOP\r\n") == "500 5.5.2 Lines must end with CR LF\r\n250 2.0.0 OK\r\n");
}

TEST_CASE("a line that is too long gets one reply and is dropped without being kept") {
    smtp::ServerLimits limits;
    limits.command_line = 100;
    Dialogue smtp(limits);
    smtp.hello();
    const std::string longest = "NOOP " + std::string(93, 'x') + "\r\n";
    REQUIRE(longest.size() == limits.command_line);
    CHECK(smtp.say(longest).starts_with("250"));
    CHECK(smtp.say("NOOP x" + longest.substr(5)) == "500 5.5.2 Line too long\r\n");
    CHECK(smtp.say(std::string(99, 'x')).empty());
    CHECK(smtp.input.size() == 99);
    CHECK(smtp.say("x") == "500 5.5.2 Line too long\r\n");
    for (int i = 0; i < 1000; ++i) {
        CHECK(smtp.say(std::string(100, 'x')).empty());
        REQUIRE(smtp.input.empty());
    }
    CHECK(smtp.say("\rQUIT\r\r").empty());
    CHECK(smtp.input.size() == 1);
    CHECK(smtp.say("\nNOOP\r\n") == "250 2.0.0 OK\r\n");
}

TEST_CASE("too many bad commands end the session with 421") {
    smtp::ServerLimits limits;
    limits.errors = 3;
    for (const auto* bad :
         {"FOO\r\n", "\r\n", "MAIL\r\n", "NO\nOP\r\n", "NO\rOP\r\n", "RCPT TO:<a@b>\r\n", "AUTH x\r\n"}) {
        CAPTURE(bad);
        Dialogue smtp(limits);
        smtp.hello();
        for (unsigned i = 0; i < limits.errors; ++i) {
            CHECK(smtp.say(bad).starts_with("50"));
            CHECK(smtp.say("NOOP\r\n").starts_with("250"));
        }
        CHECK(smtp.feed(bad) == Events{"Broken: errors"});
        CHECK(smtp.output().starts_with("421 4.7.0 sandwich.test "));
        CHECK(smtp.feed("NOOP\r\n").empty());
        CHECK(smtp.output().empty());
        CHECK_FALSE(smtp.server.wants_input());
    }
}

TEST_CASE("too many commands end the session with 421, whatever they are, and none of the next is carried out") {
    smtp::ServerLimits limits;
    limits.commands = 4;
    Dialogue smtp(limits);
    smtp.hello();
    smtp.mail();
    CHECK(smtp.feed("NOOP\r\nnonsense\r\n").empty());
    CHECK(smtp.output().starts_with("250 "));
    CHECK(smtp.feed("RCPT TO:<c@d>\r\nNOOP\r\n") == Events{"Broken: commands"});
    CHECK(smtp.output().starts_with("421 4.7.0 "));
    CHECK(smtp.feed("NOOP\r\n").empty());
    CHECK(smtp.output().empty());
}

TEST_CASE("what was pipelined behind a refused MAIL does not count as bad") {
    smtp::ServerLimits limits;
    limits.errors = 3;
    Dialogue smtp(limits);
    smtp.hello();
    for (int round = 0; round < 5; ++round) {
        smtp.feed("MAIL FROM:<a@b>\r\n");
        smtp.answer(452);
        CHECK(smtp.output() == "452 x\r\n");
        for (int i = 0; i < 50; ++i)
            CHECK(smtp.say("RCPT TO:<c@d>\r\n") == "503 5.5.1 MAIL first\r\n");
        CHECK(smtp.say("DATA\r\n") == "503 5.5.1 MAIL first\r\n");
        CHECK(smtp.feed("RSET\r\n") == Events{"Reset"});
        smtp.output();
    }
    for (unsigned i = 0; i < limits.errors; ++i)
        CHECK(smtp.say("DATA\r\n").starts_with("503"));
    CHECK(smtp.feed("DATA\r\n") == Events{"Broken: errors"});
}

TEST_CASE("refused recipients do not count as bad, malformed ones do") {
    smtp::ServerLimits limits;
    limits.errors = 3;
    Dialogue smtp(limits);
    smtp.hello();
    smtp.mail();
    for (int i = 0; i < 50; ++i)
        smtp.recipient(550);
    CHECK(smtp.say("DATA\r\n") == "554 5.5.1 No valid recipients\r\n");
    for (unsigned i = 0; i < limits.errors; ++i)
        CHECK(smtp.say("RCPT TO:<>\r\n").starts_with("501 5.1.3 "));
    CHECK(smtp.feed("RCPT TO:c@d\r\n") == Events{"Broken: errors"});
}

TEST_CASE("a syntax error says what it is about") {
    Dialogue smtp;
    smtp.hello();
    CHECK(smtp.say("MAIL FROM:a@b\r\n").starts_with("501 5.1.7 "));
    CHECK(smtp.say("MAIL a@b\r\n").starts_with("501 5.5.4 "));
    CHECK(smtp.say("MAIL FROM:<a@b> =\r\n").starts_with("501 5.5.4 "));
    smtp.mail();
    CHECK(smtp.say("RCPT TO:c@d\r\n").starts_with("501 5.1.3 "));
    CHECK(smtp.say("RCPT TO:<>\r\n").starts_with("501 5.1.3 "));
    CHECK(smtp.say("RCPT <c@d>\r\n").starts_with("501 5.5.4 "));
    CHECK(smtp.say("DATA now\r\n").starts_with("501 5.5.4 "));
    CHECK(smtp.say("RSET now\r\n").starts_with("501 5.5.4 "));
    CHECK(smtp.say("QUIT now\r\n").starts_with("501 5.5.4 "));
    CHECK(smtp.server.in_transaction());
}

TEST_CASE("a body comes in pieces of at most 64 KiB, whole") {
    Dialogue smtp;
    smtp.data();
    std::string sent;
    std::mt19937 random(7);
    while (sent.size() < 1000000)
        sent += std::string(random() % 200, '\n') + "\r\n";
    while (sent.size() < 1500000)
        sent += std::string(1 + random() % 200, 'x') + "\r\n";
    std::string got;
    std::size_t longest = 0;
    smtp.on_event = [&](const Server::Event& event) {
        if (const auto* body = std::get_if<Server::Body>(&event)) {
            longest = std::max(longest, body->text.size());
            got += body->text;
        }
    };
    smtp.feed(sent + ".\r\n");
    CHECK(longest <= smtp::kMaxBodyPiece);
    CHECK(longest > smtp::kMaxBodyPiece / 4);
    std::string expected;
    for (const char octet : sent)
        expected += octet == '\n' && !expected.ends_with('\r') ? "\r\n" : std::string(1, octet);
    CHECK(got == expected);
    CHECK(smtp.server.mended_newlines() > 0);
}

TEST_CASE("the decoder starts anew with each message") {
    Dialogue smtp;
    smtp.data();
    CHECK(smtp.feed("a\nb\r\n.\r\n") == Events{"Body a\r\nb\r\n", "EndOfData"});
    smtp.answer(250);
    CHECK(smtp.server.mended_newlines() == 1);
    smtp.mail();
    smtp.recipient();
    smtp.feed("DATA\r\n");
    smtp.answer(354);
    CHECK(smtp.server.mended_newlines() == 0);
    CHECK(smtp.feed("").empty());
    CHECK(smtp.feed(".") == Events{});
    CHECK(smtp.feed("..\r\n.\r\n") == Events{"Body ..\r\n", "EndOfData"});
    CHECK(smtp.input.empty());
}
