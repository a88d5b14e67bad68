// An edit as a whole: what is asked, found, cleaned, checked; and items as they count entities.
#include <doctest/doctest.h>

#include <algorithm>

#include "mail/edit/plan.hpp"
#include "policy/removal.hpp"
#include "samples.hpp"
#include "scanners/charset.hpp"
#include "scanners/edit.hpp"
#include "scanners/examine.hpp"

using mail::edit::Missing;
using policy::Outcome;
using policy::ScanResult;

namespace {

const policy::ContentLimits kLimits{};

std::vector<ScanResult> judge(std::string_view octets) {
    if (octets.find("BAD") != std::string_view::npos)
        return {{"fake", Outcome::kFound, policy::Cause::kNone, "Bad", ""}};
    if (octets.find("SECRET") != std::string_view::npos)
        return {{"fake", Outcome::kEncrypted, policy::Cause::kNone, "Secret", ""}};
    return {{"fake", Outcome::kClean, policy::Cause::kNone, "", ""}};
}

base::Result<scanners::EditAnswer> edit(std::string_view mail, const scanners::EditRequest& request) {
    // A mail is judged by what is in it; its own encoded form shows nothing.
    const scanners::Judges judges{[](std::string_view text) {
                                      policy::Contents contents;
                                      scanners::Opening opening(kLimits, contents, scanners::Texts::kAll);
                                      scanners::examine(opening, text);
                                      std::string all;
                                      for (const auto& one : opening.texts())
                                          all += one.text;
                                      return judge(all);
                                  },
                                  judge};
    return scanners::edit(mail, request, kLimits, judges);
}

scanners::EditRequest cleaning() {
    scanners::EditRequest request;
    request.clean = true;
    request.clean_note = "Taken out.\n";
    return request;
}

policy::Contents contents_of(std::string_view mail) {
    policy::Contents contents;
    scanners::Opening opening(kLimits, contents);
    scanners::examine(opening, mail);
    return contents;
}

std::string part(std::string_view fields, std::string_view body) {
    return "--b\r\n" + std::string(fields) + "\r\n" + std::string(body) + "\r\n";
}

std::string mixed(const std::string& parts) {
    return "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + parts + "--b--\r\n";
}

const std::string kBad =
    part("Content-Type: text/x-bad\r\nContent-Transfer-Encoding: base64\r\n", samples::base64("BAD"));

}  // namespace

TEST_CASE("infected parts are found by themselves and taken out") {
    const auto mail = mixed(part("", "text") + kBad + part("Content-Type: a/b\r\n", "good") + kBad);
    const auto answer = edit(mail, cleaning());
    REQUIRE(answer);
    CHECK(answer->removed == 2);
    const auto after = mail::edit::with_edits(mail, answer->edits);
    CHECK(after.find("QkFE") == std::string::npos);
    CHECK(after.find(part("Content-Type: a/b\r\n", "good")) != std::string::npos);
}

TEST_CASE("cleaning that does not help is refused") {
    const auto why = [](const std::string& mail) {
        const auto answer = edit(mail, cleaning());
        return answer ? "done" : answer.error().message;
    };
    CHECK(why(mixed(part("", "text"))) == "no part of the mail was found infected by itself");
    CHECK(why("Subject: BAD\r\n\r\ntext\r\n") == "still not clean after cleaning (fake: Bad)");
    CHECK(why("Subject: BAD\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
              part("", "text") + kBad + "--b--\r\n") == "still not clean after cleaning (fake: Bad)");
    CHECK(why(mixed(part("", "SECRET") + kBad)) == "still not clean after cleaning (fake: Secret)");
    CHECK(why("Content-Type: text/plain\r\nContent-Type: text/plain\r\n\r\nBAD\r\n") ==
          "no part of the mail was found infected by itself");
}

TEST_CASE("what is removed is asked for by the number that items have") {
    const auto mail = mixed(part("", "text") + part("Content-Type: message/rfc822\r\n", "Subject: x\r\n\r\ninner") +
                            part("Content-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n",
                                 samples::base64(samples::zip({{"a.exe", "MZ"}}))));
    const auto contents = contents_of(mail);
    const auto tree = mail::mime::parse(mail, scanners::tree_limits(kLimits));
    REQUIRE(tree.entities.size() == 5);
    std::vector<std::uint16_t> entities;
    for (const auto& item : contents.items)
        entities.push_back(item.entity);
    // The mail, its text, the message, its body, the archive, what is in it.
    CHECK(entities == std::vector<std::uint16_t>{0, 2, 3, 4, 5, 0});
    CHECK(*policy::removable(contents, {5}) == std::vector<std::uint16_t>{5});
    CHECK(*policy::attachments(contents) == std::vector<std::uint16_t>{3, 5});
    scanners::EditRequest request;
    request.removals = {{3, "a"}, {4, "inside"}, {5, "b"}};
    const auto answer = edit(mail, request);
    REQUIRE(answer);
    CHECK(answer->removed == 2);
    request.removals = {{0, "a"}};
    CHECK_FALSE(edit(mail, request));
    request.removals = {{6, "a"}};
    CHECK_FALSE(edit(mail, request));
}

TEST_CASE("attachments, whatever they call themselves") {
    const auto attached = [](const std::string& fields, const std::string& body = "<script>") {
        const auto found = policy::attachments(contents_of(mixed(part("", "text") + part(fields, body))));
        return found && *found == std::vector<std::uint16_t>{3};
    };
    const std::string html = "Content-Type: text/html\r\n";
    CHECK(attached(html + "Content-Disposition: attachment\r\n"));
    CHECK(attached(html + "Content-Disposition: download\r\n"));  // RFC 2183 section 2.8
    CHECK(attached(html + "Content-Disposition: inline; filename=a.html\r\n"));
    CHECK_FALSE(attached(html + "Content-Disposition: Inline\r\n"));
    CHECK_FALSE(attached(html + "Content-Disposition:\r\n"));
    const std::string multipart = "Content-Type: multipart/mixed; boundary=none\r\n";
    CHECK(attached(multipart + "Content-Disposition: attachment; filename=evil.html\r\n"));
    CHECK(attached(multipart));
    CHECK_FALSE(attached(multipart, "--none\r\n\r\nmore text\r\n--none--"));
    CHECK(attached(multipart + "Content-Disposition: attachment\r\n", "--none\r\n\r\nmore text\r\n--none--"));
}

TEST_CASE("a mail without parts is one, and what stands behind an encoding or in another reading is none") {
    CHECK(contents_of("Subject: x\r\n\r\ntext\r\n").items.at(1).entity == 1);
    const auto encoded =
        contents_of("MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
                    samples::base64("Subject: y\r\n\r\ninner\r\n") + "\r\n");
    REQUIRE(encoded.items.size() == 3);
    CHECK(encoded.items[1].entity == 1);
    CHECK(encoded.items[2].entity == 0);
}

TEST_CASE("stamps are put together, HTML is made from text, and nothing to stamp is no error") {
    scanners::EditRequest request;
    request.stamps = {{true, "one", ""}, {true, "two\n", "<i>two</i>"}, {false, "top", ""}};
    const auto after = [&](const std::string& mail) {
        const auto answer = edit(mail, request);
        REQUIRE(answer);
        return mail::edit::with_edits(mail, answer->edits);
    };
    CHECK(after("Subject: x\r\n\r\ntext\r\n") == "Subject: x\r\n\r\ntop\r\n\r\ntext\r\n\r\none\r\ntwo\r\n");
    CHECK(after("Content-Type: text/html\r\n\r\n<body>x</body>\r\n") ==
          "Content-Type: text/html\r\n\r\n<body>\r\n<p>top</p>\r\nx\r\n<p>one</p>\r\n<i>two</i>\r\n</body>\r\n");
    const auto answer = edit("Content-Type: application/pdf\r\n\r\nx\r\n", request);
    REQUIRE(answer);
    CHECK(answer->stamped == 0);
    CHECK(answer->edits.empty());
}

TEST_CASE("stamp and removal in one") {
    const auto mail = mixed(part("", "text") + kBad);
    auto request = cleaning();
    request.stamps = {{true, "bye\n", ""}};
    const auto answer = edit(mail, request);
    REQUIRE(answer);
    CHECK(answer->removed == 1);
    CHECK(answer->stamped == 1);
}

TEST_CASE("UTF-8 into character sets") {
    using scanners::from_utf8;
    const std::string text = "a\xC3\xA4\xE2\x82\xAC";
    CHECK(from_utf8(text, "utf-8", Missing::kQuestionMark) == text);
    CHECK(from_utf8(text, "iso-8859-1", Missing::kQuestionMark) == "a\xE4?");
    CHECK(from_utf8(text, "ISO-8859-15", Missing::kQuestionMark) == "a\xE4\xA4");
    CHECK(from_utf8(text, "", Missing::kNumericReference) == "a&#228;&#8364;");
    CHECK(from_utf8(text, "x-nobody-knows", Missing::kQuestionMark) == "a??");
    CHECK(from_utf8("\xF0\x9F\x98\x80", "windows-1252", Missing::kNumericReference) == "&#128512;");
    CHECK(from_utf8("a\xFFz", "us-ascii", Missing::kQuestionMark) == "a?z");
    CHECK(from_utf8("\xE3\x81\x82z", "iso-2022-jp", Missing::kQuestionMark) == "\x1B$B$\"\x1B(Bz");
    CHECK(from_utf8("\xE3\x81\x82", "iso-2022-jp", Missing::kQuestionMark) == "\x1B$B$\"\x1B(B");
    for (const std::string wide : {"utf-16", "utf-16le", "utf-7", "utf-32", "ibm037"})
        CHECK_FALSE(from_utf8("a", wide, Missing::kQuestionMark));
}
