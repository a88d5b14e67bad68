#include <doctest/doctest.h>

#include <vector>

#include "smtp/extensions.hpp"

using smtp::Extensions;
using smtp::Reply;

TEST_CASE("Sendmail's EHLO reply is understood") {
    const auto extensions = smtp::parse_ehlo(
        {250,
         {"mx.example.test Hello localhost [127.0.0.1], pleased to meet you", "ENHANCEDSTATUSCODES", "PIPELINING",
          "EXPN", "VERB", "8BITMIME", "SIZE", "DSN", "ETRN", "AUTH DIGEST-MD5 CRAM-MD5", "DELIVERBY", "HELP"}});
    CHECK(extensions == Extensions{true, true, true, true, false, true, 0});
}

TEST_CASE("keywords are taken in any case, with blanks around them and unknown ones beside them") {
    const auto extensions = smtp::parse_ehlo(
        {250, {"mx", "size 1000", " Pipelining ", "8bitmime\t", "AUTH=LOGIN", "", "SMTPUTF8 x", "X-DSN", "DSNX"}});
    CHECK(extensions == Extensions{true, true, false, false, true, true, 1000});
}

TEST_CASE("the first line is a name and no keyword") {
    CHECK(smtp::parse_ehlo({250, {"PIPELINING"}}) == Extensions{});
    CHECK(smtp::parse_ehlo({250, {}}) == Extensions{});
}

TEST_CASE("a SIZE whose number is none states no limit") {
    for (const auto* line :
         {"SIZE", "SIZE ", "SIZE 0", "SIZE x", "SIZE -5", "SIZE 10M", "SIZE 99999999999999999999999"}) {
        CAPTURE(line);
        const auto extensions = smtp::parse_ehlo({250, {"mx", line}});
        CHECK(extensions.size);
        CHECK(extensions.size_limit == 0);
    }
    CHECK(smtp::parse_ehlo({250, {"mx", "SIZE 18446744073709551615"}}).size_limit == 18446744073709551615U);
}

TEST_CASE("what needs both sides is offered only where the delivery server offers it") {
    for (unsigned bits = 0; bits < 32; ++bits) {
        const Extensions downstream{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0,
                                    (bits & 16) != 0};
        auto expected = downstream;
        expected.pipelining = true;
        expected.size = true;
        CHECK(smtp::offer(downstream, 0) == expected);
    }
}

TEST_CASE("the size offered is the smaller limit, and no limit is none") {
    struct Case {
        bool theirs_stated;
        std::uint64_t theirs, ours, offered;
    };
    for (const auto& c : std::vector<Case>{{true, 0, 0, 0},
                                           {true, 100, 0, 100},
                                           {true, 0, 50, 50},
                                           {true, 100, 50, 50},
                                           {true, 50, 100, 50},
                                           {false, 0, 70, 70},
                                           {false, 20, 70, 70}}) {
        CAPTURE(c.theirs);
        CAPTURE(c.ours);
        Extensions downstream;
        downstream.size = c.theirs_stated;
        downstream.size_limit = c.theirs;
        const auto offered = smtp::offer(downstream, c.ours);
        CHECK(offered.size);
        CHECK(offered.size_limit == c.offered);
    }
}

TEST_CASE("the EHLO reply says what is offered, and reads back as the same") {
    CHECK(smtp::ehlo_reply("sandwich.example.test", smtp::offer({}, 0)) ==
          Reply{250, {"sandwich.example.test", "PIPELINING", "SIZE"}});
    CHECK(smtp::ehlo_reply("sandwich.example.test", {true, true, true, true, true, true, 1000}) ==
          Reply{250,
                {"sandwich.example.test", "ENHANCEDSTATUSCODES", "PIPELINING", "8BITMIME", "SIZE 1000", "DSN",
                 "SMTPUTF8"}});
    for (unsigned bits = 0; bits < 128; ++bits) {
        const bool size = (bits & 32) != 0;
        const Extensions offered{(bits & 1) != 0,
                                 (bits & 2) != 0,
                                 (bits & 4) != 0,
                                 (bits & 8) != 0,
                                 (bits & 16) != 0,
                                 size,
                                 size && (bits & 64) != 0 ? 4096U : 0U};
        CHECK(smtp::parse_ehlo(smtp::ehlo_reply("mx", offered)) == offered);
    }
}
