#include <doctest/doctest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "mail/rope.hpp"

namespace {

class Text : public mail::Message {
  public:
    explicit Text(std::string text) : text_(std::move(text)) {}
    [[nodiscard]] std::string_view bytes() const override { return text_; }
    [[nodiscard]] base::Result<base::UniqueFd> share() const override { return base::error("text in memory"); }

  private:
    std::string text_;
};

mail::MessagePtr message(std::string text) {
    return std::make_shared<Text>(std::move(text));
}

std::string sent(const std::string& mail) {
    return mail::with_trace(message(mail), "").flatten();
}

}  // namespace

TEST_CASE("a rope is the pieces in their order") {
    mail::Rope rope(message("0123456789"));
    rope.insert("ab");
    rope.keep(2, 5);
    rope.insert("");
    rope.keep(7, 7);
    rope.insert("c");
    rope.keep(9, 10);
    CHECK(rope.pieces() == 4);
    CHECK(rope.size() == 7);
    CHECK(rope.flatten() == "ab234c9");
    CHECK(rope.piece(1) == "234");
}

TEST_CASE("kept ranges are the original's own octets, not copies") {
    const auto original = message("0123456789");
    mail::Rope rope(original);
    rope.keep(3, 6);
    CHECK(rope.piece(0).data() == original->bytes().data() + 3);
}

TEST_CASE("views of inserted text stay valid as the rope grows") {
    mail::Rope rope(message(""));
    rope.insert("short");
    const auto first = rope.piece(0);
    for (int i = 0; i < 1000; ++i)
        rope.insert("more");
    CHECK(first == "short");
    CHECK(rope.piece(0).data() == first.data());
}

TEST_CASE("the trace goes on top and the mail stays as it is") {
    const std::string mail = "From a@b Mon Nov 23 05:11:00 2026\r\nSubject: x\r\n\r\nbody\r\n";
    const auto rope = mail::with_trace(message(mail), "Received: by us\r\nX-Sandwich-Verdict: clean\r\n");
    CHECK(rope.flatten() == "Received: by us\r\nX-Sandwich-Verdict: clean\r\n" + mail);
    CHECK(rope.size() == rope.flatten().size());
    CHECK(rope.pieces() == 2);
    CHECK(sent("").empty());
    CHECK(sent("\r\nbody\r\n") == "\r\nbody\r\n");
}

TEST_CASE("fields of our own name from outside are taken out whole, in any case and folded") {
    CHECK(sent("X-Sandwich-Verdict: clean\r\nA: b\r\nx-sandwich-ID: 1\r\n\tfolded: x\r\n \r\nX-SANDWICH-:\r\nB: "
               "c\r\n\r\nbody\r\n") == "A: b\r\nB: c\r\n\r\nbody\r\n");
    CHECK(sent("A: b\r\nX-Sandwich-Verdict : clean\r\n") == "A: b\r\n");
    CHECK(sent("X-Sandwich-Verdict: clean\r\n\r\nbody\r\n") == "\r\nbody\r\n");
    CHECK(sent("X-Sandwich-Verdict: no end") == "");
}

TEST_CASE("a field hidden between lines that are none is taken out, too") {
    CHECK(sent("no field\r\nX-Sandwich-Verdict: clean\r\nA: b\r\n\r\n") == "no field\r\nA: b\r\n\r\n");
}

TEST_CASE("what only looks like our fields stays") {
    for (const std::string mail :
         {"X-Sandwich: x\r\n\r\n", "X-Sandwiches-Verdict: x\r\n\r\n", "Y-Sandwich-Verdict: x\r\n\r\n",
          "A: b\r\n X-Sandwich-Verdict: folded\r\n\r\n", "A: b\r\n\r\nX-Sandwich-Verdict: body\r\n",
          "\r\nX-Sandwich-Verdict: body\r\n", "X-Sandwich-Verdict no colon\r\n\r\n"}) {
        CAPTURE(mail);
        CHECK(sent(mail) == mail);
    }
}

TEST_CASE("random mails lose exactly our fields") {
    std::mt19937 random(15);
    const std::vector<std::string> others{"A: b\r\n", "Subject:\r\n folded\r\n", "no field\r\n", "X-Other: c\r\n"};
    const std::vector<std::string> own{"X-Sandwich-Verdict: x\r\n", "x-sandwich-a:\r\n\tb\r\n  c\r\n",
                                       "X-SANDWICH-: \r\n"};
    for (int round = 0; round < 300; ++round) {
        std::string mail;
        std::string expected;
        for (auto fields = random() % 20; fields > 0; --fields) {
            const auto& other = others[random() % others.size()];
            if (random() % 2 == 0) {
                mail += own[random() % own.size()];
            } else {
                mail += other;
                expected += other;
            }
        }
        const std::string body = "\r\nX-Sandwich-Verdict: body\r\n\r\n.\r\n";
        CHECK(sent(mail + body) == expected + body);
    }
}

TEST_CASE("header fields are edited, and every other octet stays") {
    using Kind = mail::HeaderEdit::Kind;
    const std::string mail =
        "A: 1\r\nSubject:\t old\r\n folded\r\nx-gone: a\r\n\tb\r\nB: 2\r\nX-Gone:c\r\nsubject: second\r\n\r\nSubject: "
        "body\r\n";
    const auto edited = [&](std::vector<mail::HeaderEdit> edits) {
        return mail::with_trace(message(mail), "T: t\r\n", edits).flatten();
    };
    CHECK(edited({}) == "T: t\r\n" + mail);
    CHECK(edited({{Kind::kTag, "Subject", "[X]"}, {Kind::kRemove, "X-Gone", ""}, {Kind::kAdd, "N", "v"}}) ==
          "T: t\r\nN: v\r\nA: 1\r\nSubject:\t [X] old\r\n folded\r\nB: 2\r\nsubject: second\r\n\r\nSubject: body\r\n");
    CHECK(
        edited({{Kind::kReplace, "x-gone", "new"}}) ==
        "T: t\r\nx-gone: new\r\nA: 1\r\nSubject:\t old\r\n folded\r\nB: 2\r\nsubject: second\r\n\r\nSubject: body\r\n");
    CHECK(edited({{Kind::kTag, "Subject", "old"}}) == "T: t\r\n" + mail);
    CHECK(edited({{Kind::kTag, "Nowhere", "tag"}}) == "T: t\r\nNowhere: tag\r\n" + mail);
    CHECK(mail::with_trace(message("\r\nbody\r\n"), "", {{Kind::kTag, "Subject", "t"}}).flatten() ==
          "Subject: t\r\n\r\nbody\r\n");
    CHECK(mail::with_trace(message("Subject:\r\n\r\n"), "", {{Kind::kTag, "Subject", "t"}}).flatten() ==
          "Subject:t \r\n\r\n");
}

TEST_CASE("edits of the body are made together with those of the header") {
    using Kind = mail::HeaderEdit::Kind;
    const std::string mail =
        "X-Sandwich-ID: forged\r\nContent-Type: a/b\r\nSubject: s\r\nContent-Language: de\r\n\r\nbody\r\nmore\r\n";
    const auto original = message(mail);
    const auto type = mail.find("Content-Type");
    const auto subject = mail.find("Subject");
    const auto language = mail.find("Content-Language");
    const auto end = mail.find("\r\n\r\n") + 2;
    const auto body = end + 2;
    const std::vector<mail::RangeEdit> edits{{type, subject, "Content-Type: c/d\r\n"},
                                             {language, language, "Content-ID: 1\r\n"},
                                             {end, end, "Content-X: y\r\n"},
                                             {body, body + 4, "BODY"},
                                             {mail.size(), mail.size(), "end\r\n"}};
    const auto rope = mail::with_trace(original, "T: t\r\n",
                                       {{Kind::kTag, "Subject", "[X]"},
                                        {Kind::kRemove, "Content-Language", ""},
                                        {Kind::kRemove, "Content-Type", ""},
                                        {Kind::kAdd, "N", "v"}},
                                       edits);
    // The field that a body edit wrote stays.
    CHECK(rope.flatten() ==
          "T: t\r\nN: v\r\nContent-Type: c/d\r\nSubject: [X] s\r\nContent-ID: 1\r\nContent-X: y\r\n\r\nBODY\r\nmore\r\n"
          "end\r\n");
    CHECK(rope.size() == rope.flatten().size());
    const auto kept = rope.piece(rope.pieces() - 2);
    CHECK(kept == "\r\nmore\r\n");
    CHECK(kept.data() == original->bytes().data() + body + 4);
}
