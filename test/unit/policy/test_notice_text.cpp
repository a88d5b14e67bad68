// Notices: what is in them, and that no mail writes into them what it should not.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.hpp"
#include "mail/mime/defect.hpp"
#include "mail/mime/quoted_printable.hpp"
#include "mail/mime/words.hpp"
#include "policy/notice_text.hpp"

using policy::fill_in;
using policy::Notice;
using policy::notice_mail;
using policy::NoticeFacts;
using policy::wrong_token;

namespace {

NoticeFacts facts() {
    NoticeFacts made;
    made.sender = "s@remote.test";
    made.recipients = {"a@local.test", "b@local.test"};
    made.subject = "An offer";
    made.rule = "rule programs";
    made.action = policy::Action::kQuarantine;
    made.viruses = {"Eicar", "Other"};
    made.message_id = "<1@remote.test>";
    made.quarantine = "0123456789ABCD";
    made.date = "Sat, 28 Nov 2026 10:00:00 +0100";
    made.size = 12345;
    made.client = "192.0.2.1";
    made.verdict = "found Eicar";
    made.id = "0123456789ABCD";
    made.inbound_id = "6ASAA0000001";
    made.host = "proxy.local.test";
    made.files = {"a.exe", "b.exe"};
    return made;
}

Notice notice(std::string subject = "Held: %SUBJECT%", std::string text = "Rule %RULENAME%.\n\nFiles: %FILENAME%\n") {
    Notice made;
    made.subject = std::move(subject);
    made.text = std::move(text);
    return made;
}

std::string mail_of(const Notice& notice, const NoticeFacts& facts) {
    return notice_mail(notice, facts, "a@local.test", "NOTICE1");
}

// Each ends with CRLF; a lone CR or LF is found.
std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    REQUIRE(text.ends_with("\r\n"));
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find("\r\n", at);
        lines.push_back(text.substr(at, end - at));
        CHECK(lines.back().find_first_of("\r\n") == std::string::npos);
        at = end + 2;
    }
    return lines;
}

std::string body_of(const std::string& mail) {
    return mail.substr(mail.find("\r\n\r\n") + 4);
}

// A header field, unfolded, without its name; it stands there once.
std::string field(const std::string& mail, const std::string& name) {
    std::string value;
    int times = 0;
    bool inside = false;
    for (const auto& line : lines_of(mail.substr(0, mail.find("\r\n\r\n") + 2))) {
        if (line.starts_with(' ')) {
            value += inside ? line : "";
            continue;
        }
        inside = line.starts_with(name + ":");
        if (inside) {
            value = line.substr(name.size() + 2);
            ++times;
        }
    }
    CHECK(times == 1);
    return value;
}

std::string decoded_subject(const std::string& mail) {
    std::uint64_t defects = 0;
    const auto to_utf8 = [](std::string_view text, std::string_view) { return std::string(text); };
    auto text = mail::mime::decode_words(field(mail, "Subject"), to_utf8, defects);
    CHECK(defects == 0);
    return text;
}

}  // namespace

TEST_CASE("each token has its value") {
    const auto all =
        "%SENDER%|%RCPTS%|%SUBJECT%|%RULENAME%|%ACTION%|%VIRUSNAME%|%MSGID%|%QUARANTINE%|%DATE%|%SIZE%|%CLIENT%|"
        "%VERDICT%|%ID%|%INBOUNDID%|%HOST%|%FILENAME%|100%%";
    CHECK(fill_in(all, facts()) ==
          "s@remote.test|a@local.test, b@local.test|An offer|programs|quarantine|Eicar, Other|<1@remote.test>|"
          "0123456789ABCD|Sat, 28 Nov 2026 10:00:00 +0100|12345|192.0.2.1|found Eicar|0123456789ABCD|6ASAA0000001|"
          "proxy.local.test|a.exe, b.exe|100%");
    CHECK(fill_in(all, {}) == "<>|none|none|none|deliver|none|none|none|none|0|none|none|none|none|none|none|100%");
    std::string listed;
    for (const auto name : policy::token_names())
        listed += fmt::format("%{}%|", name);
    CHECK(all == listed + "100%%");
}

TEST_CASE("what is no token is found, and does no harm") {
    CHECK_FALSE(wrong_token("%SENDER% and %% and %%%ID%"));
    CHECK(wrong_token("%SENDR%") == "%SENDR%");
    CHECK(wrong_token("%sender%") == "%sender%");
    CHECK(wrong_token("100% sure") == "%");
    CHECK(wrong_token("%ID% 50%") == "%");
    CHECK(wrong_token("50% of 30%") == "%");
    CHECK(fill_in("100% %NO% %", facts()) == "100% %NO% %");
    // A value is no template.
    auto sly = facts();
    sly.subject = "%SENDER%";
    CHECK(fill_in("%SUBJECT%", sly) == "%SENDER%");
}

TEST_CASE("a whole notice") {
    CHECK(mail_of(notice(), facts()) ==
          "From: \"Sandwich\" <postmaster@proxy.local.test>\r\n"
          "To: <a@local.test>\r\n"
          "Subject: Held: An offer\r\n"
          "Date: Sat, 28 Nov 2026 10:00:00 +0100\r\n"
          "Message-ID: <NOTICE1@proxy.local.test>\r\n"
          "Auto-Submitted: auto-generated\r\n"
          "MIME-Version: 1.0\r\n"
          "Content-Type: text/plain; charset=us-ascii\r\n"
          "Content-Transfer-Encoding: 7bit\r\n"
          "\r\n"
          "Rule programs.\r\n"
          "\r\n"
          "Files: a.exe, b.exe\r\n");
    auto named = notice();
    named.from = "Mail \xc3\xa4 check <m@x.test>";
    CHECK(field(mail_of(named, facts()), "From") == "=?utf-8?B?TWFpbCDDpCBjaGVjaw==?= <m@x.test>");
    named.from = "m@x.test";
    CHECK(field(mail_of(named, facts()), "From") == "m@x.test");
    named.from = "A, B <m@x.test>";
    CHECK(field(mail_of(named, facts()), "From") == "\"A, B\" <m@x.test>");
}

TEST_CASE("no value writes a header field or a line of its own") {
    auto hostile = facts();
    const std::string evil = "x\r\nBcc: all@world.test\r\n\r\n<html>\n.\r\n\x1b[2J\t";
    hostile.subject = hostile.sender = hostile.rule = hostile.message_id = hostile.verdict = hostile.client = evil;
    hostile.recipients = hostile.files = hostile.viruses = {evil};
    hostile.quarantine = hostile.id = hostile.inbound_id = hostile.date = hostile.host = evil;
    auto worst = notice("%SUBJECT%%SENDER%", "%SENDER%%RCPTS%%SUBJECT%%RULENAME%%FILENAME%%VIRUSNAME%\n%VERDICT%\n");
    for (const auto& addressee :
         {std::string("a@local.test"), evil, std::string("a@b.test>,<c@d.test"), std::string()}) {
        const auto mail = notice_mail(worst, hostile, addressee, evil);
        const auto header = mail.substr(0, mail.find("\r\n\r\n") + 2);
        for (const auto& line : lines_of(header)) {
            CHECK_FALSE(line.starts_with("Bcc"));
            CHECK(std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c < '\x7f'; }));
        }
        std::uint64_t defects = 0;
        const auto text = mail::mime::decode_quoted_printable(body_of(mail), mail::mime::QuotedReading::kKeep, defects);
        CHECK(lines_of(text).size() == 2);
        for (const auto& line : lines_of(text))
            CHECK(base::is_clean_utf8(line));
        CHECK(field(mail, "To") == (addressee == "a@local.test" ? "<a@local.test>" : "undisclosed-recipients:;"));
    }
}

TEST_CASE("a subject in any letters, of any length, comes out as it went in") {
    const std::string wide = "\xe2\x82\xac";
    for (const auto& subject :
         {std::string("plain"), std::string("caf\xc3\xa9"), std::string("=?utf-8?Q?spoofed?="),
          std::string("two  blanks"), std::string(" before and after "), std::string(150, 'x'),
          std::string("many words ") + std::string(200, 'y') + " end",
          wide + wide + wide + wide + wide + wide + wide + wide + wide + wide + wide + wide + wide + wide + wide + wide,
          std::string(
              "a lot of quite short words which make a line that is longer than a line should be, so it folds")}) {
        CAPTURE(subject);
        auto it = facts();
        it.subject = subject;
        const auto mail = mail_of(notice("%SUBJECT%", "x\n"), it);
        CHECK(decoded_subject(mail) == subject);
        for (const auto& line : lines_of(mail))
            CHECK(line.size() <= 78);
    }
    auto longest = facts();
    longest.subject = std::string(100'000, 'z');
    const auto mail = mail_of(notice("%SUBJECT%", "%SUBJECT%\n"), longest);
    CHECK(decoded_subject(mail) == std::string(400, 'z') + "...");
    CHECK(mail.size() < 3000);
}

TEST_CASE("what is not ASCII or has long lines is encoded, and whole") {
    auto it = facts();
    it.subject =
        "gr\xc3\xbc\xc3\x9f"
        "e = 3 \xff";
    const auto mail = mail_of(notice("x", "\xc2\xbb%SUBJECT%\xc2\xab \n" + std::string(800, 'w') + "\nend = \t\n"), it);
    CHECK(field(mail, "Content-Type") == "text/plain; charset=utf-8");
    CHECK(field(mail, "Content-Transfer-Encoding") == "quoted-printable");
    for (const auto& line : lines_of(mail)) {
        CHECK(line.size() <= 76);
        CHECK(std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c < '\x7f'; }));
        CHECK((line.empty() || line.back() != ' '));
    }
    std::uint64_t defects = 0;
    CHECK(mail::mime::decode_quoted_printable(body_of(mail), mail::mime::QuotedReading::kKeep, defects) ==
          "\xc2\xbbgr\xc3\xbc\xc3\x9f"
          "e = 3 ?\xc2\xab \r\n" +
              std::string(800, 'w') + "\r\nend = \t\r\n");
    CHECK(defects == 0);
    CHECK(field(mail_of(notice("x", std::string(79, 'w') + "\n"), it), "Content-Transfer-Encoding") ==
          "quoted-printable");
    CHECK(field(mail_of(notice("x", std::string(78, 'w') + "\n"), it), "Content-Transfer-Encoding") == "7bit");
}

TEST_CASE("nothing turns the writing direction") {
    auto it = facts();
    it.files = {"photo\xe2\x80\xaegpj.exe",
                "a\xe2\x80\xa8"
                "b"};
    CHECK(fill_in("%FILENAME%", it) == "photo?gpj.exe, a?b");
}

TEST_CASE("lists and values are bounded") {
    auto many = facts();
    many.recipients.assign(250, "someone@local.test");
    const auto text = fill_in("%RCPTS%", many);
    CHECK(text.ends_with("someone@local.test and 150 more"));
    CHECK(text.size() == 100 * 20 - 2 + std::string(" and 150 more").size());
    many.recipients.assign(1, std::string(100'000, 'a'));
    CHECK(fill_in("%RCPTS%", many) == std::string(400, 'a') + "...");
    // Cut between characters.
    many.recipients.assign(
        1, "x" + [] {
            std::string wide;
            for (int i = 0; i < 1000; ++i)
                wide += "\xe2\x82\xac";
            return wide;
        }());
    CHECK(base::is_clean_utf8(fill_in("%RCPTS%", many)));
    many.recipients.assign(250, std::string(400, 'a'));
    std::string again;
    for (int i = 0; i < 1000; ++i)
        again += "%RCPTS%\n";
    CHECK(fill_in(again, many).size() <= policy::kMaxFilledIn);
    CHECK(fill_in("", many).empty());
}

TEST_CASE("names of what made a rule apply, and of what the scanners found") {
    policy::ScanReport report;
    report.results = {{"clamav", policy::Outcome::kFound, policy::Cause::kNone, "Eicar", ""},
                      {"clamd a", policy::Outcome::kFound, policy::Cause::kNone, "Eicar", ""},
                      {"clamd b", policy::Outcome::kFound, policy::Cause::kNone, "Other", ""},
                      {"icap", policy::Outcome::kClean, policy::Cause::kNone, "", ""}};
    CHECK(policy::virus_names(report) == std::vector<std::string>{"Eicar", "Other"});
    policy::Item whole;
    policy::Item named;
    named.names = {"a.exe", "b.exe"};
    policy::Item nameless;
    report.contents.items = {whole, named, nameless};
    const std::vector<std::uint16_t> all{0, 1, 2, 7};
    CHECK(policy::file_names(report.contents, all) == std::vector<std::string>{"a.exe", item_path(report.contents, 2)});
}
