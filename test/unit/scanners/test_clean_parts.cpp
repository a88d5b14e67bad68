// Files that were clean are not looked at again, and nothing else is left out.
#include <clamav.h>
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <string_view>

#include "made_database.hpp"
#include "made_mail.hpp"
#include "scanners/clamav/clamav_scanner.hpp"
#include "scanners/clamav/clean_memory.hpp"
#include "scanners/clamav/in_library.hpp"

using scanners::clamav::CleanMemory;

namespace {

unsigned files_looked_at = 0;

}  // namespace

// In front of libclamav's: counts. It is called once for each file that is no text, and twice for a mail.
extern "C" int cli_scan_fmap(void* context, unsigned type, bool only_types, void* types, unsigned mode, void* results,
                             void* other) {
    static auto* const library = scanners::clamav::in_library<decltype(cli_scan_fmap)>("cli_scan_fmap");
    ++files_looked_at;
    return library(context, type, only_types, types, mode, results, other);
}

namespace {

using namespace std::string_literals;

constexpr std::string_view kVirus = "what the signature knows, and nothing else";

std::string mail_with(std::string_view subject, const std::string& type, const std::string& body) {
    return fmt::format(
        "From: a@from.test\r\nTo: b@to.test\r\nSubject: {}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; "
        "boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nThis is {}.\r\n--b\r\n{}\r\n\r\n{}--b--\r\n",
        subject, subject, type, body);
}

std::string with_attachment(std::string_view subject, std::string_view octets) {
    return mail_with(subject,
                     "Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=a.bin\r\n"
                     "Content-Transfer-Encoding: base64",
                     made::base64(octets));
}

std::string with_mail(std::string_view subject, const std::string& mail) {
    return mail_with(subject, "Content-Type: message/rfc822", mail);
}

// A file in a tar archive (POSIX ustar).
std::string tar(std::string_view name, std::string_view octets) {
    std::string head(512, '\0');
    const auto put = [&head](std::size_t at, std::string_view text) { head.replace(at, text.size(), text); };
    put(0, name);
    put(100, "0000644\0"s + "0000000\0"s + "0000000\0"s);
    put(124, fmt::format("{:011o} {:011o} ", octets.size(), 0));
    put(148, "        0");
    put(257, "ustar\0"s + "00");
    unsigned sum = 0;
    for (const char c : head)
        sum += static_cast<unsigned char>(c);
    put(148, fmt::format("{:06o}", sum) + "\0 "s);
    return head + std::string(octets) + std::string((512 - octets.size() % 512) % 512, '\0');
}

// Octets of no type.
std::string binary(unsigned seed) {
    std::string made = "\x80\x81\x00\x82"s;
    for (unsigned i = 0; i < 5000; ++i)
        made += static_cast<char>((i * 7919 + seed * 104729) >> 5);
    return made;
}

class Scanner {
  public:
    explicit Scanner(unsigned remember = 1000) : scanner_(settings(database_, remember), std::chrono::seconds(20)) {
        REQUIRE(scanner_.load());
        REQUIRE(scanner_.enter_worker(temporary_.path()));
    }

    // What was found in it, or "clean".
    std::string scan(std::string_view mail, std::string_view extra = {}) {
        files_looked_at = 0;
        const scanners::Extra one{0, extra};
        const auto result = scanner_.scan(mail, {{&one, extra.empty() ? 0U : 1U}, {}});
        return result.outcome == policy::Outcome::kClean ? "clean" : result.name;
    }
    // How many files it looked at.
    unsigned looks(std::string_view mail, std::string_view extra = {}) {
        REQUIRE(scan(mail, extra) == "clean");
        return files_looked_at;
    }

  private:
    static config::Settings::Clamav settings(const made::Directory& database, unsigned remember) {
        database.write("test.ndb", "Virus:0:*:" + made::hex(kVirus));
        database.write("test.ldb", "AtBegin;Engine:51-255,Target:0;0;0:" + made::hex("begins with this"));
        config::Settings::Clamav settings;
        settings.database = database.path();
        settings.remember_clean = remember;
        return settings;
    }

    made::Directory database_;
    TemporaryDirectory temporary_;
    scanners::clamav::ClamavScanner scanner_;
};

base::Fingerprint fingerprint(unsigned first, unsigned other) {
    base::Fingerprint made{};
    made[0] = static_cast<unsigned char>(first);
    made[8] = static_cast<unsigned char>(other);
    made[9] = 1;
    return made;
}

}  // namespace

TEST_CASE("as much is remembered as there is room for, and the oldest is forgotten first") {
    CleanMemory memory(16);
    for (unsigned i = 0; i < 4; ++i) {
        CHECK_FALSE(memory.has(fingerprint(0, i)));
        memory.add(fingerprint(0, i));
    }
    for (const unsigned once_more : {2U, 3U, 0U}) {
        memory.add(fingerprint(0, once_more));
        for (unsigned i = 0; i < 4; ++i)
            CHECK(memory.has(fingerprint(0, i)));
    }
    memory.add(fingerprint(0, 4));
    CHECK(memory.has(fingerprint(0, 0)));
    CHECK(memory.has(fingerprint(0, 4)));
    CHECK_FALSE(memory.has(fingerprint(0, 1)));
    memory.add(fingerprint(1, 0));
    CHECK(memory.has(fingerprint(1, 0)));
    CHECK(memory.has(fingerprint(0, 2)));
    memory.add({});
    CHECK_FALSE(memory.has({}));
}

TEST_CASE("without room nothing is remembered") {
    CleanMemory memory(0);
    memory.add(fingerprint(0, 1));
    CHECK_FALSE(memory.has(fingerprint(0, 1)));
}

TEST_CASE("an attachment that was clean is looked at once, in whatever mail it lies") {
    Scanner scanner;
    const auto first = scanner.looks(with_attachment("one", binary(1)));
    const auto other = scanner.looks(with_attachment("two", binary(2)));
    CHECK(first == other);
    const auto again = scanner.looks(with_attachment("three", binary(1)));
    CHECK(again < first);
    CHECK(scanner.looks(with_attachment("four", binary(2))) == again);
    // The text, too, is a file that libclamav looks at.
    CHECK(scanner.looks(with_attachment("four", binary(2))) < again);
    CHECK(Scanner().looks(with_attachment("five", binary(1))) == first);
}

TEST_CASE("with no room every file is looked at") {
    Scanner scanner(0);
    const auto first = scanner.looks(with_attachment("one", binary(1)), binary(3));
    CHECK(scanner.looks(with_attachment("one", binary(1)), binary(3)) == first);
}

TEST_CASE("what differs in an octet is looked at") {
    Scanner scanner;
    const auto first = scanner.looks(with_attachment("one", binary(1)));
    auto changed = binary(1);
    for (const std::size_t at : {std::size_t{0}, std::size_t{2500}, changed.size() - 1}) {
        changed[at] = static_cast<char>(changed[at] ^ 1);
        CHECK(scanner.looks(with_attachment(std::to_string(at), changed)) == first);
    }
    CHECK(scanner.looks(with_attachment("shorter", changed.substr(0, changed.size() - 1))) == first);
    CHECK(scanner.scan(with_attachment("worse", binary(1) + std::string(kVirus))) == "Virus.UNOFFICIAL");
}

TEST_CASE("a virus is found as often as it comes, and nothing of its mail is remembered") {
    Scanner scanner;
    const auto bad = with_attachment("one", binary(1) + std::string(kVirus));
    for (int i = 0; i < 3; ++i)
        CHECK(scanner.scan(bad) == "Virus.UNOFFICIAL");
    const auto two = with_attachment("text", binary(5));
    const auto both = two.substr(0, two.size() - 7) + "--b\r\nContent-Type: application/octet-stream\r\n" +
                      "Content-Transfer-Encoding: base64\r\n\r\n" + made::base64(binary(6) + std::string(kVirus)) +
                      "--b--\r\n";
    CHECK(scanner.scan(both) == "Virus.UNOFFICIAL");
    Scanner fresh;
    CHECK(scanner.looks(with_attachment("text", binary(5))) == fresh.looks(with_attachment("text", binary(5))));
}

TEST_CASE("what lies in a file is looked at with it, as a signature may ask for what it lies in") {
    Scanner scanner;
    const auto inner = with_attachment("inner", binary(1));
    const auto first = scanner.looks(with_attachment("one", inner));
    CHECK(scanner.looks(with_attachment("two", inner)) < first);  // the attached mail is an attachment
    CHECK(scanner.looks(with_attachment("three", inner + "\r\n")) == first);
    CHECK(scanner.looks(with_attachment("inner", binary(1))) == Scanner().looks(with_attachment("inner", binary(1))));
}

TEST_CASE("what lies in an archive for itself is looked at each time, and is no attachment by that") {
    Scanner scanner;
    const auto archive = [](std::string_view name) { return tar("same", binary(1)) + tar(name, binary(2)); };
    const auto first = scanner.looks(archive("one"));
    CHECK(first > 2);
    CHECK(scanner.looks(archive("two")) == first);
    CHECK(scanner.looks(with_attachment("one", binary(1))) == Scanner().looks(with_attachment("one", binary(1))));
}

TEST_CASE("a mail that is a part of another is read with it, and its attachments are attachments") {
    Scanner scanner;
    const auto inner = with_attachment("inner", binary(1));
    scanner.looks(with_mail("one", inner));
    const auto direct = scanner.looks(inner);
    CHECK(direct < Scanner().looks(inner));
}

TEST_CASE("what is scanned for itself is scanned once, and is no part of a mail by that") {
    Scanner scanner;
    const std::string mail = "From: a@from.test\r\nSubject: x\r\n\r\nx\r\n";
    const auto alone = scanner.looks(mail);
    const auto with = scanner.looks(mail, binary(1));
    CHECK(with > alone);
    CHECK(scanner.looks(mail, binary(1)) < with);
    const auto attached = scanner.looks(with_attachment("one", binary(1)));
    CHECK(attached == Scanner().looks(with_attachment("one", binary(1))));
    CHECK(scanner.looks(mail, binary(2)) == with);
    for (int i = 0; i < 2; ++i)
        CHECK(scanner.scan(mail, std::string(kVirus)) == "Virus.UNOFFICIAL");
}

TEST_CASE("a file that begins like the type of another one makes it no clean one") {
    Scanner scanner;
    const std::string mail = "From: a@from.test\r\nSubject: x\r\n\r\nx\r\n";
    const auto bad = "begins with this" + binary(1);
    for (const std::string_view type : {"CL_TYPE_BINARY_DATA", "CL_TYPE_TEXT_ASCII", "CL_TYPE_ANY"}) {
        scanner.looks(mail, std::string(type) + '\0' + bad);
        CHECK(scanner.scan(with_attachment("x", bad)) == "AtBegin.UNOFFICIAL");
        CHECK(scanner.scan(mail, bad) == "AtBegin.UNOFFICIAL");
    }
}
