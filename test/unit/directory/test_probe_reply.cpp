// Which replies of a mail server mean that there is no such mailbox: a short list, and nothing else.
#include <doctest/doctest.h>

#include "directory/probe_reply.hpp"

using directory::judge_rcpt;
using directory::judge_vrfy;
using policy::Knowledge;

namespace {

smtp::Reply reply(int code, const char* text) {
    return {code, {text}};
}

}  // namespace

TEST_CASE("unknown is 550, 551 or 553 with 5.1.1, 5.1.6 or 5.1.10") {
    for (int code = 500; code < 560; ++code)
        for (const auto* const enhanced : {"5.1.1", "5.1.6", "5.1.10", "5.1.0", "5.1.2", "5.1.3", "5.1.8", "5.7.1",
                                           "5.0.0", "5.2.1", "5.1.11", ""}) {
            const std::string_view word = enhanced;
            const bool unknown =
                (code == 550 || code == 551 || code == 553) && (word == "5.1.1" || word == "5.1.6" || word == "5.1.10");
            const auto text = std::string(enhanced) + " no such user";
            CHECK(judge_rcpt(reply(code, text.c_str())).knowledge ==
                  (unknown ? Knowledge::kUnknown : Knowledge::kCannotTell));
            CHECK(directory::says_unknown(reply(code, text.c_str())) == unknown);
        }
}

TEST_CASE("known, down and what is left open") {
    CHECK(judge_rcpt(reply(250, "2.1.5 ok")).knowledge == Knowledge::kKnown);
    CHECK(judge_rcpt(reply(251, "will forward")).knowledge == Knowledge::kKnown);
    CHECK(judge_vrfy(reply(250, "2.1.5 Bob <bob@x.test>")).knowledge == Knowledge::kKnown);
    CHECK(judge_vrfy(reply(252, "2.5.2 Cannot VRFY user; try RCPT")).knowledge == Knowledge::kCannotTell);
    CHECK(judge_vrfy(reply(502, "5.5.1 VRFY disabled")).knowledge == Knowledge::kCannotTell);
    CHECK(judge_vrfy(reply(500, "what?")).knowledge == Knowledge::kCannotTell);
    CHECK(judge_vrfy(reply(553, "5.1.4 ambiguous")).knowledge == Knowledge::kCannotTell);
    CHECK(judge_vrfy(reply(550, "5.1.1 bob... User unknown")).knowledge == Knowledge::kUnknown);
    for (const int code : {421, 450, 451, 452, 454})
        CHECK(judge_rcpt(reply(code, "4.3.0 later")).knowledge == Knowledge::kDown);
    CHECK(judge_rcpt(reply(550, "5.1.1 no")).detail == "550 5.1.1 no");
    CHECK(directory::judge_refusal(reply(554, "5.7.1 go away")).knowledge == Knowledge::kCannotTell);
    CHECK(directory::judge_refusal(reply(421, "4.3.2 busy")).knowledge == Knowledge::kDown);
}
