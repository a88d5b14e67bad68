// What is said to mail servers, and what is made of their answers.
#include <doctest/doctest.h>

#include "directory/login_dialogue.hpp"

using config::LoginType;
using directory::LoginDialogue;
using directory::Secret;
using Kind = directory::LoginVerdict::Kind;

namespace {

struct Talk {
    explicit Talk(LoginType type, std::string user = "tim", std::string word = "tanstaaftanstaaf")
        : password(std::move(word)), dialogue(LoginDialogue::make(type, std::move(user), password)) {
        dialogue->begin();
        said = dialogue->take_output();
    }

    // What is said after these lines.
    std::string hears(std::initializer_list<std::string_view> lines) {
        for (const auto line : lines)
            dialogue->feed(line);
        return said = dialogue->take_output();
    }
    Kind kind() { return dialogue->finished() ? dialogue->verdict().kind : Kind::kCannotTell; }

    Secret password;
    std::unique_ptr<LoginDialogue> dialogue;
    std::string said;
};

constexpr std::string_view kPlain =
    "AHRpbQB0YW5zdGFhZnRhbnN0YWFm";  // RFC 4616 section 4, without an identity to act as

Kind smtp_says(std::string_view line) {
    Talk talk(LoginType::kSmtp);
    talk.hears({"250-mx.test", "250 AUTH PLAIN", line});
    REQUIRE(talk.dialogue->finished());
    CHECK(talk.said == "QUIT\r\n");
    return talk.kind();
}

Kind pop3_says(std::string_view line) {
    Talk talk(LoginType::kPop3);
    talk.hears({"-ERR what?", "+OK", line});
    REQUIRE(talk.dialogue->finished());
    return talk.kind();
}

Kind imap_says(std::string_view line) {
    Talk talk(LoginType::kImap);
    talk.hears({"* CAPABILITY IMAP4rev1", "a1 OK", line});
    REQUIRE(talk.dialogue->finished());
    return talk.kind();
}

}  // namespace

TEST_CASE("SMTP: PLAIN where it is offered, else LOGIN") {
    Talk plain(LoginType::kSmtp);
    CHECK(plain.said == "EHLO localhost\r\n");
    CHECK(plain.hears({"250-mx.test", "250-auth login plain", "250 SIZE"}) ==
          "AUTH PLAIN " + std::string(kPlain) + "\r\n");
    CHECK(plain.hears({"334 "}) == std::string(kPlain) + "\r\n");
    CHECK(plain.hears({"235-2.7.0 welcome", "235 2.7.0 welcome"}) == "QUIT\r\n");
    CHECK(plain.kind() == Kind::kRight);

    Talk login(LoginType::kSmtp, "tim", "p");
    CHECK(login.hears({"250-mx.test", "250 AUTH=LOGIN"}) == "AUTH LOGIN\r\n");
    CHECK(login.hears({"334 VXNlcm5hbWU6"}) == "dGlt\r\n");
    CHECK(login.hears({"334 UGFzc3dvcmQ6"}) == "cA==\r\n");
    login.hears({"235 fine"});
    CHECK(login.kind() == Kind::kRight);
}

TEST_CASE("SMTP: only 535 is about the password") {
    CHECK(smtp_says("535 5.7.8 no") == Kind::kWrong);
    CHECK(smtp_says("535 no") == Kind::kWrong);
    for (const auto* line :
         {"535 4.7.0 later", "454 4.7.0 later", "534 5.7.9 too weak", "538 5.7.11 encrypt", "530 5.7.0 first TLS",
          "421 bye", "500 what?", "504 no", "550 no", "250 ok", "235x", "", "nonsense", "53"})
        CHECK_MESSAGE(smtp_says(line) == Kind::kCannotTell, line);
}

TEST_CASE("SMTP: no verdict before the password was said") {
    for (const auto* line : {"535 no", "235 fine"}) {
        Talk talk(LoginType::kSmtp);
        talk.hears({"250-mx.test", "250 AUTH LOGIN", line});
        CHECK(talk.dialogue->finished());
        CHECK(talk.kind() == Kind::kCannotTell);
    }
    Talk without(LoginType::kSmtp);
    without.hears({"250-mx.test", "250 AUTH CRAM-MD5 GSSAPI"});
    CHECK(without.kind() == Kind::kCannotTell);
    CHECK(without.dialogue->verdict().reason == "the server offers neither AUTH PLAIN nor AUTH LOGIN");
    Talk refused(LoginType::kSmtp);
    refused.hears({"554 no"});
    CHECK(refused.dialogue->finished());
    Talk greedy(LoginType::kSmtp);
    greedy.hears({"250 AUTH LOGIN"});
    greedy.hears({"334 ", "334 ", "334 "});
    CHECK(greedy.kind() == Kind::kCannotTell);
    CHECK(greedy.dialogue->finished());
}

TEST_CASE("POP3: SASL where CAPA offers it, else USER and PASS, never APOP") {
    Talk plain(LoginType::kPop3);
    CHECK(plain.said == "CAPA\r\n");
    CHECK(plain.hears({"+OK", "USER", "SASL LOGIN PLAIN", "."}) == "AUTH PLAIN " + std::string(kPlain) + "\r\n");
    plain.hears({"+OK Logged in."});
    CHECK(plain.kind() == Kind::kRight);
    Talk login(LoginType::kPop3, "tim", "pa");
    CHECK(login.hears({"+OK", "SASL LOGIN", "."}) == "AUTH LOGIN\r\n");
    CHECK(login.hears({"+ VXNlcm5hbWU6"}) == "dGlt\r\n");
    CHECK(login.hears({"+"}) == "cGE=\r\n");
    Talk old(LoginType::kPop3);
    CHECK(old.hears({"-ERR what?"}) == "USER tim\r\n");
    CHECK(old.hears({"+OK"}) == "PASS tanstaaftanstaaf\r\n");
    CHECK(old.hears({"+OK"}) == "QUIT\r\n");
    CHECK(old.kind() == Kind::kRight);
}

TEST_CASE("POP3: response codes tell a wrong password from a fault of the server") {
    CHECK(pop3_says("-ERR no") == Kind::kWrong);
    CHECK(pop3_says("-ERR [AUTH] no") == Kind::kWrong);
    for (const auto* line : {"-ERR [SYS/TEMP] later", "-ERR [sys/perm] never", "-ERR [IN-USE] locked",
                             "-ERR [LOGIN-DELAY] wait", "* what", ""})
        CHECK_MESSAGE(pop3_says(line) == Kind::kCannotTell, line);
    Talk unknown(LoginType::kPop3);
    unknown.hears({"-ERR what?", "-ERR [AUTH] unknown user"});
    CHECK(unknown.kind() == Kind::kWrong);
    Talk forbidden(LoginType::kPop3);
    forbidden.hears({"-ERR what?", "-ERR plaintext not allowed"});
    CHECK(forbidden.dialogue->finished());
    CHECK(forbidden.kind() == Kind::kCannotTell);
}

TEST_CASE("IMAP: AUTHENTICATE PLAIN where it is offered, else LOGIN with quoted strings") {
    Talk plain(LoginType::kImap);
    CHECK(plain.said == "a1 CAPABILITY\r\n");
    CHECK(plain.hears({"* CAPABILITY IMAP4rev1 auth=plain LOGINDISABLED", "a1 OK"}) == "a2 AUTHENTICATE PLAIN\r\n");
    CHECK(plain.hears({"+ "}) == std::string(kPlain) + "\r\n");
    CHECK(plain.hears({"* CAPABILITY IMAP4rev1", "a2 OK [CAPABILITY X] in"}) == "a3 LOGOUT\r\n");
    CHECK(plain.kind() == Kind::kRight);
    Talk login(LoginType::kImap, "tim", R"(a "b\ c)");
    CHECK(login.hears({"* CAPABILITY IMAP4rev1", "a1 OK"}) == R"(a2 LOGIN "tim" "a \"b\\ c")"
                                                              "\r\n");
    Talk none(LoginType::kImap);
    none.hears({"* CAPABILITY IMAP4rev1 LOGINDISABLED", "a1 OK"});
    CHECK(none.dialogue->finished());
    CHECK(none.kind() == Kind::kCannotTell);
}

TEST_CASE("IMAP: response codes tell a wrong password from a fault of the server") {
    for (const auto* line : {"a2 NO wrong", "a2 NO [AUTHENTICATIONFAILED] x", "A2 no [ALERT] x", "a2 NO [EXPIRED] x"})
        CHECK_MESSAGE(imap_says(line) == Kind::kWrong, line);
    for (const auto* line :
         {"a2 NO [UNAVAILABLE] x", "a2 NO [PRIVACYREQUIRED] x", "a2 NO [CONTACTADMIN] x", "a2 NO [LIMIT] x",
          "a2 NO [INUSE] x", "a2 BAD what", "a1 OK", "* BYE", "+ more?", "nonsense", ""})
        CHECK_MESSAGE(imap_says(line) == Kind::kCannotTell, line);
    CHECK(imap_says("a2 OK") == Kind::kRight);
    Talk early(LoginType::kImap);  // before the password was said
    early.hears({"* CAPABILITY IMAP4rev1 AUTH=PLAIN", "a1 OK", "a2 NO no"});
    CHECK(early.dialogue->finished());
    CHECK(early.kind() == Kind::kCannotTell);
    Talk sure(LoginType::kImap);
    sure.hears({"* CAPABILITY IMAP4rev1 AUTH=PLAIN", "a1 OK", "a2 OK welcome"});
    CHECK(sure.kind() == Kind::kCannotTell);
}

TEST_CASE("servers that say too much are cut short") {
    for (const auto type : {LoginType::kSmtp, LoginType::kPop3, LoginType::kImap}) {
        Talk talk(type);
        for (int i = 0; i < 1000 && !talk.dialogue->finished(); ++i)
            talk.hears({type == LoginType::kSmtp ? "250-x" : type == LoginType::kPop3 ? "+OK" : "* x"});
        CHECK(talk.dialogue->finished());
        CHECK(talk.kind() == Kind::kCannotTell);
        Talk wide(type);
        wide.hears({std::string(10000, '*')});
        CHECK(wide.dialogue->finished());
    }
}

TEST_CASE("what was said of the password does not stay in the output") {
    Talk talk(LoginType::kPop3);
    talk.dialogue->feed("-ERR");
    talk.dialogue->feed("+OK");
    talk.dialogue->feed("-ERR no");  // before anybody took what was to be said
    CHECK(talk.dialogue->take_output() == "QUIT\r\n");
}
