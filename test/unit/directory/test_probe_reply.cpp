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
    CHECK(judge_vrfy(reply(250, "2.1.5 Bob <bob@x.test>"), false).knowledge == Knowledge::kKnown);
    CHECK(judge_vrfy(reply(252, "2.5.2 Cannot VRFY user; try RCPT"), false).knowledge == Knowledge::kCannotTell);
    CHECK(judge_vrfy(reply(502, "5.5.1 VRFY disabled"), false).knowledge == Knowledge::kCannotTell);
    CHECK(judge_vrfy(reply(500, "what?"), false).knowledge == Knowledge::kCannotTell);
    CHECK(judge_vrfy(reply(553, "5.1.4 ambiguous"), false).knowledge == Knowledge::kCannotTell);
    CHECK(judge_vrfy(reply(550, "5.1.1 bob... User unknown"), false).knowledge == Knowledge::kUnknown);
    for (const int code : {421, 450, 451, 452, 454})
        CHECK(judge_rcpt(reply(code, "4.3.0 later")).knowledge == Knowledge::kDown);
    CHECK(judge_rcpt(reply(550, "5.1.1 no")).detail == "550 5.1.1 no");
    CHECK(directory::judge_refusal(reply(554, "5.7.1 go away")).knowledge == Knowledge::kCannotTell);
    CHECK(directory::judge_refusal(reply(421, "4.3.2 busy")).knowledge == Knowledge::kDown);
}

TEST_CASE("550 without an enhanced code to VRFY is unknown only where it is said that it is") {
    // As Lotus Domino says it of somebody who is not there, of a group and of a name that several have; a list, as
    // RFC 5321 has it; a refusal with a code of its own.
    const auto* const nobody = "eve@x.test is not a valid user";
    CHECK(judge_vrfy(reply(550, nobody), false).knowledge == Knowledge::kCannotTell);
    CHECK(judge_vrfy(reply(550, nobody), true).knowledge == Knowledge::kUnknown);
    CHECK(judge_vrfy(reply(550, ""), true).knowledge == Knowledge::kUnknown);
    CHECK(judge_vrfy(reply(550, "5.1.1 no"), true).knowledge == Knowledge::kUnknown);
    for (const auto* const open :
         {"sales@x.test is a Group not a user", "That is a mailing list, not a user", "5.7.1 not you", "5.0.0 no"})
        CHECK_MESSAGE(judge_vrfy(reply(550, open), true).knowledge == Knowledge::kCannotTell, std::string(open));
    for (const int code : {252, 500, 502, 551, 553, 554})
        CHECK_MESSAGE(judge_vrfy(reply(code, nobody), true).knowledge == Knowledge::kCannotTell, code);
    CHECK(judge_vrfy(reply(250, "bob@x.test"), true).knowledge == Knowledge::kKnown);
    CHECK(judge_vrfy(reply(450, "later"), true).knowledge == Knowledge::kDown);
    CHECK(judge_rcpt(reply(550, nobody)).knowledge == Knowledge::kCannotTell);
}
