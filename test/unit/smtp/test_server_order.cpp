// The order of commands and of their answers (RFC 5321 section 4.1.4, RFC 2920).
#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "dialogue.hpp"

using dialogue::Dialogue;
using dialogue::Events;
using dialogue::Server;

TEST_CASE("before EHLO or HELO there is no transaction") {
    Dialogue smtp;
    CHECK(smtp.say("MAIL FROM:<a@b>\r\n").starts_with("503 5.5.1 "));
    CHECK(smtp.say("RCPT TO:<a@b>\r\n").starts_with("503 5.5.1 "));
    CHECK(smtp.say("DATA\r\n").starts_with("503 5.5.1 "));
    CHECK(smtp.feed("RSET\r\n") == Events{"Reset"});
    CHECK(smtp.output().starts_with("250 2.0.0 "));
    CHECK(smtp.say("MAIL FROM:<a@b>\r\n").starts_with("503 5.5.1 "));
}

TEST_CASE("a greeting that was refused is none") {
    Dialogue smtp;
    smtp.feed("EHLO one\r\n");
    smtp.answer(451);
    smtp.output();
    CHECK(smtp.say("MAIL FROM:<a@b>\r\n").starts_with("503 5.5.1 "));
    CHECK(smtp.server.client_name().empty());
    CHECK(smtp.feed("HELO two\r\n") == Events{"HELO two"});
    smtp.answer(250);
    CHECK(smtp.server.client_name() == "two");
    CHECK_FALSE(smtp.server.esmtp());
    CHECK(smtp.feed("MAIL FROM:<a@b>\r\n") == Events{"MAIL <a@b>"});
}

TEST_CASE("the name in a greeting may be missing and is one word") {
    Dialogue smtp;
    CHECK(smtp.feed("EHLO\r\n") == Events{"EHLO "});
    smtp.answer(250);
    CHECK(smtp.feed("EHLO [127.0.0.1] and more\r\n") == Events{"EHLO [127.0.0.1]"});
}

TEST_CASE("a second MAIL within a transaction is out of order and leaves the first as it is") {
    Dialogue smtp;
    smtp.hello();
    smtp.mail();
    smtp.recipient();
    CHECK(smtp.say("MAIL FROM:<x@y>\r\n").starts_with("503 5.5.1 "));
    CHECK(smtp.server.accepted_recipients() == 1);
    CHECK(smtp.feed("DATA\r\n") == Events{"DATA"});
}

TEST_CASE("a MAIL that was refused opens no transaction, and the next one may") {
    Dialogue smtp;
    smtp.hello();
    smtp.feed("MAIL FROM:<a@b>\r\n");
    smtp.answer(550);
    smtp.output();
    CHECK_FALSE(smtp.server.in_transaction());
    CHECK(smtp.say("RCPT TO:<c@d>\r\n").starts_with("503 5.5.1 "));
    CHECK(smtp.feed("MAIL FROM:<a@b>\r\n") == Events{"MAIL <a@b>"});
}

TEST_CASE("DATA without RCPT is 503, with refused ones only 554, and the transaction goes on") {
    Dialogue smtp;
    smtp.hello();
    smtp.mail();
    CHECK(smtp.say("DATA\r\n").starts_with("503 5.5.1 "));
    smtp.recipient(550);
    smtp.recipient(452);
    CHECK(smtp.say("DATA\r\n").starts_with("554 5.5.1 "));
    smtp.recipient(250);
    CHECK(smtp.feed("DATA\r\n") == Events{"DATA"});
}

TEST_CASE("a malformed recipient counts as one that was refused") {
    Dialogue smtp;
    smtp.hello();
    smtp.mail();
    smtp.say("RCPT TO:<>\r\n");
    CHECK(smtp.say("DATA\r\n").starts_with("554 5.5.1 "));
}

TEST_CASE("recipients of one transaction do not count for the next") {
    Dialogue smtp;
    smtp.hello();
    smtp.mail();
    smtp.recipient();
    smtp.feed("RSET\r\n");
    smtp.output();
    CHECK(smtp.server.accepted_recipients() == 0);
    smtp.mail();
    CHECK(smtp.say("DATA\r\n").starts_with("503 5.5.1 "));
}

TEST_CASE("recipient after recipient is handed out before the first is answered") {
    Dialogue smtp;
    smtp.hello();
    smtp.mail();
    CHECK(smtp.feed("RCPT TO:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\n") ==
          Events{"RCPT <a@b>", "RCPT <c@d>", "RCPT <e@f>"});
    CHECK(smtp.server.wants_input());
    smtp.answer(550, "one");
    smtp.answer(250, "two");
    CHECK(smtp.feed("RCPT TO:<g@h>\r\n") == Events{"RCPT <g@h>"});
    smtp.answer(452, "three");
    smtp.answer(251, "four");
    CHECK(smtp.output() == "550 one\r\n250 two\r\n452 three\r\n251 four\r\n");
    CHECK(smtp.server.accepted_recipients() == 2);
}

TEST_CASE("every other command waits until the recipients before it are answered") {
    for (const auto* line :
         {"DATA\r\n", "RSET\r\n", "QUIT\r\n", "EHLO x\r\n", "HELO x\r\n", "NOOP\r\n", "VRFY x\r\n", "FOO\r\n",
          "MAIL FROM:<x@y>\r\n", "RCPT TO:<>\r\n", "RCPT TO:x\r\n", "NO\nOP\r\n", "RCPT TO:<\x01>\r\n"}) {
        CAPTURE(line);
        Dialogue smtp;
        smtp.hello();
        smtp.mail();
        CHECK(smtp.feed("RCPT TO:<a@b>\r\nRCPT TO:<c@d>\r\n" + std::string(line)) ==
              Events{"RCPT <a@b>", "RCPT <c@d>"});
        CHECK(smtp.input == line);
        CHECK_FALSE(smtp.server.wants_input());
        CHECK(smtp.output().empty());
        smtp.answer(250);
        CHECK(smtp.feed("").empty());
        CHECK(smtp.output() == "250 x\r\n");
        CHECK_FALSE(smtp.server.wants_input());
        smtp.answer(250);
        CHECK(smtp.output() == "250 x\r\n");
        const auto events = smtp.feed("");
        CHECK((!events.empty() || !smtp.output().empty()));
    }
}

TEST_CASE("a line that is too long waits for the recipients before it, too") {
    smtp::ServerLimits limits;
    limits.command_line = 50;
    Dialogue smtp(limits);
    smtp.hello();
    smtp.mail();
    smtp.feed("RCPT TO:<a@b>\r\n" + std::string(60, 'x'));
    CHECK_FALSE(smtp.server.wants_input());
    CHECK(smtp.output().empty());
    smtp.answer(250);
    smtp.feed("\r\n");
    CHECK(smtp.output() == "250 x\r\n500 5.5.2 Line too long\r\n");
}

TEST_CASE("a command that had to wait does not hold up the recipients of the next transaction") {
    Dialogue smtp;
    smtp.hello();
    smtp.mail();
    smtp.feed("RCPT TO:<a@b>\r\nRSET\r\n");
    smtp.answer(250);
    CHECK(smtp.feed("") == Events{"Reset"});
    smtp.mail();
    CHECK(smtp.feed("RCPT TO:<a@b>\r\n") == Events{"RCPT <a@b>"});
    CHECK(smtp.server.wants_input());
    CHECK(smtp.feed("RCPT TO:<c@d>\r\n") == Events{"RCPT <c@d>"});
}

TEST_CASE("outstanding recipients are bounded") {
    smtp::ServerLimits limits;
    limits.outstanding_recipients = 2;
    Dialogue smtp(limits);
    smtp.hello();
    smtp.mail();
    CHECK(smtp.feed("RCPT TO:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\n").size() == 2);
    CHECK_FALSE(smtp.server.wants_input());
    smtp.answer(250);
    CHECK(smtp.server.wants_input());
    CHECK(smtp.feed("") == Events{"RCPT <e@f>"});
    CHECK_FALSE(smtp.server.wants_input());
}

TEST_CASE("the pipelined DATA of a mail whose recipients are all refused gets 554 after them") {
    Dialogue smtp;
    smtp.hello();
    smtp.mail();
    smtp.feed("RCPT TO:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
    smtp.answer(550);
    smtp.answer(550);
    CHECK(smtp.feed("").empty());
    CHECK(smtp.output() == "550 x\r\n550 x\r\n554 5.5.1 No valid recipients\r\n");
    CHECK(smtp.feed("RSET\r\n") == Events{"Reset"});
}

TEST_CASE("any mixture of answers, early or late, leaves the recipients counted right") {
    std::mt19937 random(2920);
    for (int round = 0; round < 500; ++round) {
        Dialogue smtp;
        smtp.hello();
        smtp.mail();
        const auto total = 1 + random() % 20;
        std::size_t given = 0;
        std::size_t answered = 0;
        std::size_t accepted = 0;
        std::string replies;
        while (answered < total) {
            if (given < total && (random() % 2 == 0 || given == answered)) {
                const auto path = std::to_string(given++) + "@x";
                REQUIRE(smtp.feed("RCPT TO:<" + path + ">\r\n") == Events{"RCPT <" + path + ">"});
            } else {
                const int code = random() % 3 == 0 ? 250 : 550;
                accepted += code == 250 ? 1 : 0;
                ++answered;
                smtp.answer(code);
                replies += std::to_string(code) + " x\r\n";
            }
        }
        CHECK(smtp.output() == replies);
        CHECK(smtp.server.accepted_recipients() == accepted);
        if (accepted > 0)
            CHECK(smtp.feed("DATA\r\n") == Events{"DATA"});
        else
            CHECK(smtp.say("DATA\r\n").starts_with("554"));
    }
}

TEST_CASE("while any other answer is outstanding nothing is taken") {
    const auto check_waiting = [](Dialogue& smtp) {
        CHECK_FALSE(smtp.server.wants_input());
        CHECK(smtp.feed("NOOP\r\n").empty());
        CHECK(smtp.input == "NOOP\r\n");
        CHECK(smtp.output().empty());
        smtp.input.clear();
    };
    Dialogue smtp;
    smtp.feed("EHLO x\r\n");
    check_waiting(smtp);
    smtp.answer(250);
    smtp.output();
    smtp.feed("MAIL FROM:<a@b>\r\n");
    check_waiting(smtp);
    smtp.answer(250);
    smtp.recipient();
    smtp.feed("DATA\r\n");
    check_waiting(smtp);
    smtp.answer(354);
    smtp.output();
    CHECK(smtp.server.wants_input());
    smtp.feed("x\r\n.\r\n");
    check_waiting(smtp);
    smtp.answer(250);
    CHECK(smtp.server.wants_input());
}

TEST_CASE("after the end of data the next mail may already be in the pipe") {
    Dialogue smtp;
    smtp.data();
    CHECK(smtp.feed("x\r\n.\r\nMAIL FROM:<x@y>\r\n") == Events{"Body x\r\n", "EndOfData"});
    CHECK(smtp.input == "MAIL FROM:<x@y>\r\n");
    smtp.answer(451);
    CHECK(smtp.output() == "451 x\r\n");
    CHECK(smtp.feed("") == Events{"MAIL <x@y>"});
}

TEST_CASE("the transaction is over after the final answer, whatever it was") {
    for (const int code : {250, 421, 451, 552, 554}) {
        CAPTURE(code);
        Dialogue smtp;
        smtp.data();
        smtp.feed(".\r\n");
        smtp.answer(code);
        smtp.output();
        CHECK_FALSE(smtp.server.in_transaction());
        CHECK(smtp.say("RCPT TO:<a@b>\r\n").starts_with("503"));
        CHECK(smtp.feed("MAIL FROM:<a@b>\r\n") == Events{"MAIL <a@b>"});
    }
}

TEST_CASE("a refused DATA leaves the transaction void, and no text is taken") {
    for (const int code : {250, 451, 554}) {
        CAPTURE(code);
        Dialogue smtp;
        smtp.hello();
        smtp.mail();
        smtp.recipient();
        smtp.feed("DATA\r\n");
        smtp.answer(code);
        smtp.output();
        CHECK_FALSE(smtp.server.in_data());
        CHECK_FALSE(smtp.server.in_transaction());
        CHECK(smtp.say("DATA\r\n").starts_with("503"));
        CHECK(smtp.feed("MAIL FROM:<a@b>\r\n") == Events{"MAIL <a@b>"});
    }
}

TEST_CASE("RSET is answered and told, with a transaction or without") {
    Dialogue smtp;
    smtp.hello();
    CHECK(smtp.feed("RSET\r\n") == Events{"Reset"});
    smtp.mail();
    CHECK(smtp.feed("rset\r\n") == Events{"Reset"});
    CHECK(smtp.output() == "250 2.0.0 Reset\r\n");
    CHECK_FALSE(smtp.server.in_transaction());
}

TEST_CASE("EHLO in the middle voids the transaction, then greets") {
    Dialogue smtp;
    smtp.hello();
    CHECK(smtp.feed("EHLO again\r\n") == Events{"EHLO again"});
    smtp.answer(250);
    smtp.mail();
    smtp.recipient();
    CHECK(smtp.feed("EHLO third\r\n") == Events{"Reset", "EHLO third"});
    CHECK_FALSE(smtp.server.in_transaction());
    CHECK(smtp.server.client_name() == "again");
    smtp.answer(250);
    CHECK(smtp.server.client_name() == "third");
    smtp.output();
    CHECK(smtp.say("RCPT TO:<a@b>\r\n").starts_with("503"));
}

TEST_CASE("after QUIT nothing is taken or said") {
    Dialogue smtp;
    smtp.hello();
    CHECK(smtp.feed("QUIT\r\nNOOP\r\nMAIL FROM:<a@b>\r\n") == Events{"Quit"});
    CHECK(smtp.output() == "221 2.0.0 sandwich.test closing connection\r\n");
    CHECK_FALSE(smtp.server.wants_input());
    smtp.server.close(smtp::make_reply(421, "4.3.2", "again"));
    CHECK(smtp.feed("NOOP\r\n").empty());
    CHECK(smtp.output().empty());
}

TEST_CASE("closed from our side, the session says 421 once and late answers are dropped") {
    Dialogue smtp;
    smtp.hello();
    smtp.mail();
    smtp.feed("RCPT TO:<a@b>\r\nRCPT TO:<c@d>\r\n");
    smtp.answer(250);
    smtp.server.close(smtp::make_reply(421, "4.3.2", "shutting down"));
    smtp.answer(250);
    CHECK(smtp.output() == "250 x\r\n421 4.3.2 shutting down\r\n");
    CHECK(smtp.feed("DATA\r\n").empty());
    CHECK(smtp.input.empty());
    CHECK(smtp.output().empty());
}

TEST_CASE("closed within data, no more text is given") {
    Dialogue smtp;
    smtp.data();
    CHECK(smtp.feed("a\r\n") == Events{"Body a\r\n"});
    smtp.server.close(smtp::make_reply(421, "4.3.2", "shutting down"));
    CHECK(smtp.feed("b\r\n.\r\n").empty());
    CHECK(smtp.output() == "421 4.3.2 shutting down\r\n");
    CHECK_FALSE(smtp.server.in_data());
}
