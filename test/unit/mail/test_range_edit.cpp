// Which edits may be made, whoever answers them.
#include <doctest/doctest.h>

#include "mail/range_edit.hpp"

namespace {

const std::string kMail = "A: 1\r\nContent-Type: x\r\n\ty\r\nB: 2\r\n\r\none\r\ntwo\r\n";

bool may(std::vector<mail::RangeEdit> edits) {
    return mail::check_edits(kMail, edits).has_value();
}

std::size_t at(std::string_view text) {
    return kMail.find(text);
}

}  // namespace

TEST_CASE("edits of the body") {
    CHECK(may({}));
    CHECK(may({{at("one"), at("two"), "1\r\n"}, {at("two"), at("two"), "x"}, {at("two") + 1, at("two") + 2, ""}}));
    CHECK(may({{kMail.size(), kMail.size(), "end\r\n"}}));
    CHECK_FALSE(may({{at("two"), at("two") + 1, ""}, {at("one"), at("one") + 1, ""}}));
    CHECK_FALSE(may({{at("one"), at("two") + 1, ""}, {at("two"), at("two"), "x"}}));
    CHECK_FALSE(may({{at("two"), at("one"), ""}}));
    CHECK_FALSE(may({{at("two"), kMail.size() + 1, ""}}));
    CHECK_FALSE(may({{std::string::npos, std::string::npos, ""}}));
}

TEST_CASE("no edit leaves a bare line end") {
    for (const std::string text : {"\n", "\r", "a\r", "\nb", "\r\r\n", "a\n\r\n"}) {
        CAPTURE(text);
        CHECK_FALSE(may({{at("one"), at("one"), text}}));
    }
    CHECK_FALSE(may({{at("one") + 4, at("one") + 4, "x"}}));
    CHECK_FALSE(may({{at("one"), at("one") + 4, ""}}));
    CHECK_FALSE(may({{at("two"), kMail.size(), "x"}}));
    CHECK_FALSE(may({{kMail.size(), kMail.size(), "x"}}));
    CHECK_FALSE(may({{at("two") + 1, kMail.size(), ""}}));
    CHECK(may({{at("two"), kMail.size(), ""}}));
}

TEST_CASE("in the header only fields that describe the body, whole") {
    const auto field = at("Content-Type");
    const auto next = at("B: 2");
    CHECK(may({{field, next, ""}}));
    CHECK(may({{field, next, "Content-Type: a;\r\n b\r\nMIME-Version: 1.0\r\n"}}));
    CHECK(may({{next, next, "content-id: x\r\n"}}));
    CHECK(may({{at("\r\n\r\n") + 2, at("\r\n\r\n") + 2, "Content-X: y\r\n"}}));
    CHECK_FALSE(may({{field, next, "X-Sandwich-Verdict: clean\r\n"}}));
    CHECK_FALSE(may({{field, next, "Content-Type: a\r\n\r\nbody"}}));
    CHECK_FALSE(may({{field, next, "Content-Type: a"}}));
    CHECK_FALSE(may({{field, next, " folded\r\n"}}));
    CHECK_FALSE(may({{field, field + 5, ""}}));
    CHECK_FALSE(may({{field + 1, next, ""}}));
    CHECK_FALSE(may({{field, next + 6, ""}}));
    CHECK_FALSE(may({{next, next + 6, ""}}));
    CHECK_FALSE(may({{0, 0, "Received: x\r\n"}}));
    CHECK_FALSE(may({{at("\r\n\r\n") + 2, at("one"), ""}}));
    CHECK_FALSE(may({{at("\r\n\r\n") + 2, at("\r\n\r\n") + 2, "x"}}));
}

TEST_CASE("a header without an end gets no fields behind it, nor a body") {
    const std::string mail = "A: 1\r\nContent-Type: x\r\n";
    for (const std::string text : {"Received: x\r\n", "Content-X: y\r\n", "\r\nbody\r\n", " folded\r\n"}) {
        CAPTURE(text);
        CHECK_FALSE(mail::check_edits(mail, {{mail.size(), mail.size(), text}}));
        CHECK_FALSE(mail::check_edits("", {{0, 0, text}}));
        CHECK_FALSE(mail::check_edits("A: 1", {{4, 4, text}}));
    }
    CHECK(mail::check_edits(mail, {{6, mail.size(), "Content-Type: y\r\n"}}));
    const auto with_end = mail + "\r\n";
    CHECK(mail::check_edits(with_end, {{mail.size(), mail.size(), "Content-X: y\r\n"}}));
    CHECK(mail::check_edits(with_end, {{with_end.size(), with_end.size(), "body\r\n"}}));
    CHECK(mail::check_edits("\r\n", {{0, 0, "Content-X: y\r\n"}, {2, 2, "body\r\n"}}));
}

TEST_CASE("several edits together do not take the last line end") {
    const auto end = kMail.size();
    CHECK_FALSE(may({{at("one"), at("two"), "foo"}, {at("two"), end, ""}}));
    CHECK_FALSE(may({{at("one"), at("two"), "foo"}, {at("two"), end, ""}, {end, end, ""}}));
    CHECK_FALSE(may({{at("one"), at("one") + 1, ""}, {at("one") + 1, at("two"), ""}, {at("two"), end, "x"}}));
    CHECK_FALSE(may({{at("one") + 1, at("two"), ""}, {at("two"), end, ""}}));
    CHECK(may({{at("one"), at("two"), "foo\r\n"}, {at("two"), end, ""}}));
    CHECK(may({{at("one"), at("one") + 1, "foo"}, {at("two"), end, ""}}));
    CHECK(may({{at("one"), at("two"), ""}, {at("two"), end, ""}}));
}
