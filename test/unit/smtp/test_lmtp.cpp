#include <doctest/doctest.h>

#include <vector>

#include "dialogue.hpp"

using dialogue::Dialogue;
using dialogue::Events;

namespace {

// Up to the end of data, with the recipients answered as given.
void send_mail(Dialogue& lmtp, const std::vector<int>& recipients) {
    lmtp.feed("LHLO mx.test\r\n");
    lmtp.answer(250);
    lmtp.mail();
    for (const int code : recipients)
        lmtp.recipient(code);
    lmtp.feed("DATA\r\n");
    lmtp.answer(354);
    CHECK(lmtp.feed("text\r\n.\r\n") == Events{"Body text\r\n", "EndOfData"});
    lmtp.output();
}

}  // namespace

TEST_CASE("LHLO greets, with all that EHLO has") {
    Dialogue lmtp;
    CHECK(lmtp.feed("LHLO mx.test\r\n") == Events{"LHLO mx.test"});
    lmtp.answer(250);
    CHECK(lmtp.server.lmtp());
    CHECK(lmtp.server.esmtp());
    CHECK(lmtp.server.client_name() == "mx.test");
    lmtp.feed("EHLO mx.test\r\n");
    lmtp.answer(250);
    CHECK_FALSE(lmtp.server.lmtp());
    CHECK(lmtp.server.esmtp());
}

TEST_CASE("a refused LHLO changes nothing") {
    Dialogue lmtp;
    lmtp.hello();
    lmtp.feed("LHLO mx.test\r\n");
    lmtp.answer(451);
    CHECK_FALSE(lmtp.server.lmtp());
}

TEST_CASE("every accepted recipient gets an answer of its own to the end of data (RFC 2033 section 4.2)") {
    Dialogue lmtp;
    send_mail(lmtp, {250, 550, 250, 250});
    lmtp.server.answer_each({smtp::make_reply(250, "2.0.0", "one"), smtp::make_reply(452, "4.2.2", "two"),
                             smtp::make_reply(550, "5.7.1", "three")});
    CHECK(lmtp.output() == "250 2.0.0 one\r\n452 4.2.2 two\r\n550 5.7.1 three\r\n");
    CHECK_FALSE(lmtp.server.in_transaction());
    CHECK(lmtp.say("NOOP\r\n").starts_with("250 "));
}

TEST_CASE("one answer for all is given as often as there are recipients") {
    Dialogue lmtp;
    send_mail(lmtp, {250, 250});
    lmtp.answer(451, "later");
    CHECK(lmtp.output() == "451 later\r\n451 later\r\n");
}

TEST_CASE("in SMTP the end of data gets one answer, also after an LMTP mail") {
    Dialogue lmtp;
    send_mail(lmtp, {250, 250});
    lmtp.answer(250);
    lmtp.output();
    lmtp.hello();
    lmtp.mail();
    lmtp.recipient();
    lmtp.recipient();
    lmtp.feed("DATA\r\n");
    lmtp.answer(354);
    lmtp.feed(".\r\n");
    lmtp.output();
    lmtp.answer(250);
    CHECK(lmtp.output() == "250 x\r\n");
}

TEST_CASE("LMTP: DATA without an accepted recipient gets 503 (RFC 2033 section 4.2)") {
    Dialogue lmtp;
    lmtp.feed("LHLO mx.test\r\n");
    lmtp.answer(250);
    lmtp.output();
    lmtp.mail();
    lmtp.recipient(550);
    CHECK(lmtp.say("DATA\r\n").starts_with("503 5.5.1 "));
}
