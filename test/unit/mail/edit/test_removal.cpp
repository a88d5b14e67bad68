// Parts that give way, and what a plan's check sees.
#include <doctest/doctest.h>

#include "mail/edit/removal.hpp"

using namespace mail::edit;

namespace {

base::Result<std::string> without(const std::string& mail, const std::vector<Removal>& removals) {
    const auto tree = mail::mime::parse(mail, {});
    Plan plan;
    if (auto planned = plan_removals(mail, tree, removals, plan); !planned)
        return planned.error();
    REQUIRE(mail::check_edits(mail, plan.edits));
    auto edited = with_edits(mail, plan.edits);
    CHECK(check(mail, tree, edited, plan, {}));
    return edited;
}

const std::string kHead =
    "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n--b\r\n\r\ntext\r\n--b";
const std::string kFile = "\r\nContent-Type: a/b; name=x\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n";
const std::string kTail = "\r\n--b--\r\nepilogue\r\n";
const std::string kNote =
    "\r\nContent-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\nContent-Disposition: "
    "inline\r\n\r\n";

}  // namespace

TEST_CASE("a part gives way to a note, every other octet stays") {
    CHECK(*without(kHead + kFile + kTail, {{2, "gone\n"}}) == kHead + kNote + "gone\r\n" + kTail);
    CHECK(*without(kHead + kFile + kTail, {{2, "gone"}, {2, "twice"}}) == kHead + kNote + "gone\r\n" + kTail);
    // Without an end, with nothing in it, with a header only.
    CHECK(*without(kHead + kFile, {{2, "gone"}}) == kHead + kNote + "gone\r\n");
    CHECK(*without(kHead + "\r\n\r\n--b--\r\n", {{2, "gone"}}) == kHead + kNote + "gone\r\n--b--\r\n");
    CHECK(*without(kHead + "\r\nContent-Type: a/b\r\n--b--\r\n", {{2, "gone"}}) == kHead + kNote + "gone\r\n--b--\r\n");
}

TEST_CASE("a note can hold anything") {
    const auto edited = *without(kHead + kFile + kTail, {{2, "--b--\n\xC3\xA4\r\n\xFF"}});
    CHECK(edited.find("charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable") != std::string::npos);
    CHECK(edited.find("\r\n\r\n=2D-b--\r\n=C3=A4\r\n?\r\n") != std::string::npos);
}

TEST_CASE("a mail that is only a body keeps its header but for what describes the body") {
    CHECK(
        *without(
            "A: 1\r\nContent-Type: a/b;\r\n name=x\r\nB: 2\r\nContent-Disposition: attachment\r\nMime-version: 1.0\r\n"
            "C: 3\r\n\r\nbody\r\n",
            {{0, "gone"}}) ==
        "A: 1\r\nContent-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\nContent-Disposition: "
        "inline\r\nB: 2\r\nMime-version: 1.0\r\nC: 3\r\n\r\ngone\r\n");
    CHECK(*without("A: 1\r\n\r\nbody\r\n", {{0, "gone"}}) ==
          "A: 1" + kNote.substr(0, kNote.size() - 2) + "MIME-Version: 1.0\r\n\r\ngone\r\n");
    CHECK_FALSE(without("A: 1\r\n", {{0, "gone"}}));
}

TEST_CASE("a message inside goes as a whole, or the one body in it") {
    const std::string mail =
        kHead + "\r\nContent-Type: message/rfc822\r\n\r\nS: 1\r\nContent-Type: a/b\r\n\r\nbody" + kTail;
    CHECK(*without(mail, {{2, "gone"}, {3, "inside"}}) == kHead + kNote + "gone\r\n" + kTail);
    const auto inner = *without(mail, {{3, "gone"}});
    CHECK(inner.find("message/rfc822\r\n\r\nS: 1\r\nContent-Type: text/plain; charset=us-ascii") != std::string::npos);
}

TEST_CASE("what cannot be removed") {
    CHECK_FALSE(without(kHead + kFile + kTail, {{3, "no such part"}}));
    CHECK_FALSE(without("Content-Type: a/b\r\nContent-Type: c/d\r\n\r\nbody\r\n", {{0, "malformed"}}));
}

TEST_CASE("an edited mail that is not what was meant is seen") {
    const auto mail = kHead + kFile + kTail;
    const auto tree = mail::mime::parse(mail, {});
    Plan plan;
    REQUIRE(plan_removals(mail, tree, {{2, "gone"}}, plan));
    const auto good = with_edits(mail, plan.edits);
    CHECK(check(mail, tree, good, plan, {}));
    const auto bad = [&](std::string_view old_text, std::string_view new_text) {
        auto changed = good;
        changed.replace(changed.find(old_text), old_text.size(), new_text);
        return !check(mail, tree, changed, plan, {});
    };
    CHECK(bad("text\r\n", "Text\r\n"));
    CHECK(bad("Subject: x", "Subject: y"));
    CHECK(bad("gone", "gone\r\n--b\r\n\r\nmore"));
    CHECK(bad("\r\n--b--", ""));
    CHECK(bad("--b\r\n\r\ntext", "--b \r\n\r\ntext"));
    CHECK(bad("inline", "attachment"));
    CHECK_FALSE(check(mail, tree, mail, plan, {}));
}
