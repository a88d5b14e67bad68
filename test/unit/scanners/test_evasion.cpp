// A file that hides behind what readers of MIME disagree on is seen by the scanner all the same.
#include <doctest/doctest.h>

#include <set>

#include "evasion/variants.hpp"
#include "made_database.hpp"
#include "made_mail.hpp"
#include "mail/mime/defect.hpp"
#include "scanners/clamav/clamav_scanner.hpp"
#include "scanners/clamav/spared_lines.hpp"
#include "scanners/examine.hpp"

using scanners::Extra;

namespace {

// The test signature of etc/test-signatures; in pieces, so that no scanner of this tree finds it here.
std::string test_file() {
    return std::string("X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STAND") + "ARD-ANTIVIRUS-TEST-FILE!$H+H*";
}

scanners::clamav::ClamavScanner& scanner() {
    static auto& made = *[] {
        config::Settings::Clamav settings;
        settings.database = SANDWICH_TEST_SIGNATURES;
        auto* one = new scanners::clamav::ClamavScanner(settings, std::chrono::seconds(20));
        REQUIRE(one->load());
        REQUIRE(one->enter_worker("/tmp"));
        return one;
    }();
    return made;
}

struct Seen {
    policy::Contents contents;
    std::size_t extras = 0;
    bool alone = false;
    bool found = false;
};

Seen look(const std::string& mail, const policy::ContentLimits& limits = {}) {
    Seen seen;
    scanners::Opening opening(limits, seen.contents);
    scanners::examine(opening, mail);
    seen.extras = opening.extras().size();
    seen.alone = scanner().scan(mail, {}).outcome == policy::Outcome::kFound;
    seen.found = seen.alone || scanner().scan({}, {opening.extras(), {}}).outcome == policy::Outcome::kFound;
    return seen;
}

}  // namespace

TEST_CASE("each trick alone and several hundred mixtures hide nothing") {
    std::size_t alone = 0;
    std::set<std::string> mails;
    for (const auto& variant : evasion::make_variants(test_file(), 260, 1)) {
        mails.insert(variant.mail);
        const auto seen = look(variant.mail);
        alone += seen.alone ? 1 : 0;
        CHECK_MESSAGE(seen.found, variant.tricks);
        CHECK_MESSAGE(seen.contents.exceeded.empty(), variant.tricks);
    }
    MESSAGE(mails.size() << " mails, libclamav alone finds " << alone);
    CHECK(mails.size() > 300);
    CHECK(alone < mails.size());  // or the extras would prove nothing
}

TEST_CASE("around a large file, too, the lines that libclamav is not shown make no difference") {
    std::string file = "no type, and octets that no other file has: ";
    for (unsigned state = 1; file.size() < 40'000;) {
        state = state * 1664525U + 1013904223U;
        file += static_cast<char>(state >> 24);
    }
    const made::Directory directory;
    directory.write("test.ndb", "Middle:0:*:" + made::hex(std::string_view(file).substr(20'000, 40)));
    config::Settings::Clamav settings;
    settings.database = directory.path();
    const TemporaryDirectory temporary;
    scanners::clamav::ClamavScanner scanner(settings, std::chrono::seconds(20));
    REQUIRE(scanner.load());
    REQUIRE(scanner.enter_worker(temporary.path()));
    const auto lines = made::base64(file, 60);
    std::size_t spared = 0;
    std::size_t found = 0;
    for (const auto& variant : evasion::make_variants(file, 400, 3)) {
        // Whether or not every reader sees it there.
        const auto at = variant.mail.find(lines);
        if (at == std::string::npos)
            continue;
        const scanners::EncodedFile one{std::string_view(variant.mail).substr(at, lines.size()), file};
        spared += scanners::clamav::SparedLines(variant.mail, {&one, 1}).any() ? 1 : 0;
        const auto as_it_is = scanner.scan(variant.mail, {}).outcome;
        CHECK_MESSAGE(scanner.scan(variant.mail, {{}, {&one, 1}}).outcome == as_it_is, variant.tricks);
        found += as_it_is == policy::Outcome::kFound ? 1 : 0;
    }
    MESSAGE(spared << " mails with lines that libclamav is not shown, of all it finds " << found);
    CHECK(spared > 50);
    CHECK(found > 0);
}

TEST_CASE("without the file nothing is found") {
    for (const auto& variant :
         evasion::make_variants("Nothing to see here, but as long as that other one is: 68 o", 40, 2))
        CHECK_MESSAGE(!look(variant.mail).found, variant.tricks);
}

TEST_CASE("readings have a limit, and reaching it is a fact") {
    policy::ContentLimits limits;
    limits.readings = 2;
    std::string mail = "Content-Type: multipart/mixed; boundary=a; boundary=b\r\n\r\n";
    for (int i = 0; i < 10; ++i)
        mail += "--c" + std::to_string(i) + "\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJ" +
                std::string(1, static_cast<char>('A' + i)) + "\r\n";
    const auto seen = look(mail, limits);
    CHECK(seen.extras == 2);
    REQUIRE(seen.contents.exceeded.size() == 1);
    CHECK(seen.contents.exceeded.front().limit == policy::ContentLimit::kReadings);
}

TEST_CASE("header fields are told when the policy wants them, and in full or not without saying so") {
    const auto fields_of = [](const std::string& mail, policy::Wanted wanted) {
        policy::Contents contents;
        const policy::ContentLimits limits;
        scanners::Opening opening(limits, contents, scanners::Texts::kNone, std::move(wanted));
        scanners::examine(opening, mail);
        return contents;
    };
    policy::Wanted wanted;
    wanted.fields = {"date", "subject", "x-none"};
    const std::string mail =
        "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n from afar\r\nSUBJECT : \x01two\r\nTo: <\r\nDate: today\r\n\r\nx\r\n";
    const auto seen = fields_of(mail, wanted);
    REQUIRE(seen.fields.size() == 2);
    CHECK(seen.fields[0] == policy::FieldSeen{"subject",
                                              2,
                                              true,
                                              {"Gr\xC3\xBC\xC3\x9F"
                                               "e from afar",
                                               "?two"}});
    CHECK(seen.fields[1] == policy::FieldSeen{"date", 1, true, {"today"}});
    CHECK(seen.malformed_field.empty());
    CHECK(fields_of(mail, {}).fields.empty());
    policy::Wanted malformed;
    malformed.malformed = true;
    CHECK(fields_of(mail, malformed).malformed_field == "subject");
    CHECK(fields_of("Date: Mon, 1 Jan 2024 00:00:00 +0000\r\nTo: <\r\n\r\n", malformed).malformed_field == "to");
    CHECK(fields_of("A: b\r\nno field\r\n\r\n", malformed).malformed_field == "a line without a colon");
    CHECK(fields_of("A: b\r\n\r\n", malformed).malformed_field.empty());
    // Those of a part, or of a message in the mail, are not the mail's.
    CHECK(fields_of("Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nx\r\n", wanted).fields.empty());
    // More than can be told.
    const auto much = fields_of("Date: a\r\nSubject: " + std::string(30000, 'x') + "\r\nSubject: y\r\n\r\n", wanted);
    REQUIRE(much.fields.size() == 2);
    CHECK(much.fields[1].values.at(0).size() == policy::kMaxFieldOctets - 1);
    REQUIRE(much.exceeded.size() == 1);
    CHECK(much.exceeded[0].limit == policy::ContentLimit::kFacts);
    const auto most = fields_of("Date: " + std::string(24000, 'x') + "\r\n\r\n", wanted);
    CHECK(most.exceeded.empty());
}

TEST_CASE("a mail that is signed as a whole says so") {
    const auto is_signed = [](const std::string& type) {
        const auto seen = look("Content-Type: " + type + "; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n");
        return seen.contents.items.at(0).is(policy::Mark::kSigned);
    };
    CHECK(is_signed("multipart/signed"));
    CHECK(is_signed("application/pkcs7-mime"));
    CHECK_FALSE(is_signed("multipart/mixed"));
}

TEST_CASE("a mail as all write it has one reading") {
    const auto seen = look(
        "From: =?utf-8?Q?J=C3=BCrgen?= <j@a.test>\r\nSubject: =?iso-8859-1?Q?Gr=FC=DFe?=\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/mixed; boundary=\"=_edge\"\r\n\r\nfor old readers\r\n--=_edge\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
        "quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe=\r\n!\r\n"
        "--=_edge\r\nContent-Type: application/pdf;\r\n name=\"=?utf-8?B?w7wucGRm?=\"\r\n"
        "Content-Disposition: attachment; filename*=utf-8''%C3%BC.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        "JVBERi0xLjQK\r\n--=_edge--\r\n");
    CHECK(seen.extras == 0);
    CHECK(seen.contents.subject ==
          "Gr\xC3\xBC\xC3\x9F"
          "e");
    CHECK(seen.contents.from == "J\xC3\xBCrgen <j@a.test>");
    CHECK(!mail::mime::is_malformed(seen.contents.defects));
    REQUIRE(seen.contents.items.size() == 3);
    CHECK(seen.contents.items[1].declared_type == "text/plain");
    CHECK(seen.contents.items[1].charset == "utf-8");
    CHECK(seen.contents.items[2].names == std::vector<std::string>{"\xC3\xBC.pdf"});
    CHECK(seen.contents.items[2].is(policy::Mark::kAttachment));
    CHECK(seen.contents.items[2].size == 9);
}
