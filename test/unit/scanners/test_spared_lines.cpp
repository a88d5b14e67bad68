// Lines that libclamav is not shown: it makes the same file of a mail as without that, octet by octet, and finds the
// same in mail and file; and where something is not as it is thought to be, the mail is scanned as it is.
#include <clamav.h>
#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "made_database.hpp"
#include "made_mail.hpp"
#include "policy/contents.hpp"
#include "scanners/clamav/clamav_scanner.hpp"
#include "scanners/clamav/spared_lines.hpp"
#include "scanners/examine.hpp"

using made::file_part;
using made::multipart;
using made::text_part;
using scanners::clamav::SparedLines;

namespace {

std::string noise(std::size_t size, unsigned seed) {
    std::string octets = "\x80\x81";
    octets.reserve(size);
    for (unsigned state = seed * 2654435761U + 1; octets.size() < size;) {
        state = state * 1664525U + 1013904223U;
        octets += static_cast<char>(state >> 24);
    }
    octets.resize(size);
    return octets;
}

// A mail as a worker sees it.
class Looked {
  public:
    explicit Looked(std::string mail) : mail_(std::move(mail)), opening_(limits_, contents_) {
        scanners::examine(opening_, mail_);
    }
    const std::string& mail() const { return mail_; }
    scanners::Parts parts() const { return opening_.parts(); }

  private:
    std::string mail_;
    policy::ContentLimits limits_;
    policy::Contents contents_;
    scanners::Opening opening_;
};

struct Scanned {
    std::string name;  // what was found, or ""
    bool spared = false;
    bool all_scanned = false;
};

Scanned scan(const made::Engine& engine, const Looked& looked, bool spare = true) {
    const auto files = spare ? looked.parts().files : std::span<const scanners::EncodedFile>();
    const std::unique_ptr<cl_fmap_t, decltype(&cl_fmap_close)> map(
        cl_fmap_open_memory(looked.mail().data(), looked.mail().size()), cl_fmap_close);
    SparedLines spared(looked.mail(), files);
    if (spared.any())
        spared.show(map.get());
    cl_scan_options options{};
    options.general = CL_SCAN_GENERAL_HEURISTICS;
    options.parse = ~0U;
    const char* name = nullptr;
    unsigned long scanned = 0;
    cl_scanmap_callback(map.get(), nullptr, &name, &scanned, engine.get(), &options, nullptr);
    return {name == nullptr ? "" : name, spared.any(), spared.all_scanned()};
}

std::string hash_signature(std::string_view octets, const std::string& name) {
    std::array<unsigned char, 32> hash{};
    EVP_Digest(octets.data(), octets.size(), hash.data(), nullptr, EVP_sha256(), nullptr);
    return made::hex({reinterpret_cast<const char*>(hash.data()), hash.size()}) + ":" + std::to_string(octets.size()) +
           ":" + name + ":73";
}

}  // namespace

TEST_CASE("the file is the same, octet by octet: any size, any length of lines") {
    made::silence_libclamav();
    unsigned seed = 0;
    std::size_t spared = 0;
    for (const std::size_t line : {40U, 60U, 64U, 72U, 76U, 520U, 996U}) {
        for (const std::size_t size : {40'000U, 40'001U, 40'002U, 57U * 800U, 57U * 800U + 1U, 300'000U, 5'000'000U}) {
            const auto octets = noise(size, ++seed);
            auto other = octets;
            other[size / 2] ^= 1;
            const made::Directory directory;
            directory.write("test.hsb", hash_signature(octets, "Whole"));
            const made::Engine engine(directory.path());
            const Looked looked(multipart("mixed", {text_part("words"), file_part(octets, line)}));
            const auto found = scan(engine, looked);
            CHECK_MESSAGE(found.name == "Whole.UNOFFICIAL", line << " " << size);
            CHECK(found.spared);
            const auto nothing = scan(engine, Looked(multipart("mixed", {text_part("words"), file_part(other, line)})));
            CHECK(nothing.name.empty());
            CHECK(nothing.all_scanned);
            spared += nothing.spared ? 1 : 0;
        }
    }
    CHECK(spared == 49);
}

TEST_CASE("several files, and parts in parts") {
    const auto first = noise(50'000, 1);
    const auto second = noise(90'000, 2);
    const auto third = noise(70'000, 3);
    const auto inner = "Content-Type: multipart/related; boundary=inner\r\n\r\n--inner\r\n" + text_part("words") +
                       "--inner\r\n" + file_part(second, 76, "image/png") + "--inner--\r\n";
    const auto mail =
        multipart("mixed", {text_part("words"), file_part(first), inner, file_part(third, 64, "video/x-unknown")});
    for (const auto* octets : {&first, &second, &third}) {
        const made::Directory directory;
        directory.write("test.hsb", hash_signature(*octets, "Whole"));
        CHECK(scan(made::Engine(directory.path()), Looked(mail)).name == "Whole.UNOFFICIAL");
    }
    const made::Directory directory;
    directory.write("test.hsb", hash_signature("else", "Else"));
    const Looked looked(mail);
    CHECK(looked.parts().files.size() == 3);
    const auto nothing = scan(made::Engine(directory.path()), looked);
    CHECK(nothing.spared);
    CHECK(nothing.all_scanned);
    CHECK(nothing.name.empty());
}

TEST_CASE("signatures of what the file lies in, and of its name and size") {
    const auto octets = noise(60'000, 7);
    const auto mail = multipart("mixed", {text_part("words"), file_part(octets)});
    const auto finds = [&](const std::string& file, const std::string& signature) {
        const made::Directory directory;
        directory.write(file, signature);
        const made::Engine engine(directory.path());
        const auto with = scan(engine, Looked(mail));
        CHECK(with.spared);
        CHECK(with.name == scan(engine, Looked(mail), false).name);
        return !with.name.empty();
    };
    const auto words = made::hex(std::string_view(octets).substr(30'000, 12));
    CHECK(finds("test.ldb", "Inside;Engine:51-255,Container:CL_TYPE_MAIL,Target:0;0;" + words));
    CHECK(!finds("test.ldb", "Inside;Engine:51-255,Container:CL_TYPE_ZIP,Target:0;0;" + words));
    CHECK(finds("test.cdb", "Named:CL_TYPE_MAIL:*:file\\.bin:60000:60000:0:*:*:*"));
    CHECK(!finds("test.cdb", "Named:CL_TYPE_MAIL:*:file\\.bin:60001:60001:0:*:*:*"));
}

TEST_CASE("signatures at each place of the file, and of the mail as it is sent") {
    const auto octets = noise(57 * 600, 9);
    const auto body = made::base64(octets);
    const Looked looked(multipart("mixed", {text_part("words"), file_part(octets)}));
    const auto finds = [&](std::string_view signature) {
        const made::Directory directory;
        directory.write("test.ndb", "Words:0:*:" + made::hex(signature));
        const auto found = scan(made::Engine(directory.path()), looked);
        CHECK(found.spared);
        return found.name == "Words.UNOFFICIAL";
    };
    for (std::size_t at = 5; at + 12 < octets.size(); at += 57 * 13 + 5)
        CHECK_MESSAGE(finds(std::string_view(octets).substr(at, 12)), at);
    for (std::size_t at = 3; at + 24 < body.size(); at += 78 * 13 + 7)
        CHECK_MESSAGE(finds(std::string_view(body).substr(at, 24)), at);
}

TEST_CASE("what another reading might see otherwise is left as it is") {
    const auto octets = noise(60'000, 11);
    const auto is_spared = [](const std::string& mail) {
        const Looked looked(mail);
        return SparedLines(looked.mail(), looked.parts().files).any();
    };
    const auto file = file_part(octets);
    const auto mail = multipart("mixed", {text_part("words"), file});
    CHECK(is_spared(mail));
    CHECK(is_spared(multipart("related", {text_part("words"), file})));
    CHECK(!is_spared(multipart("alternative", {text_part("words"), file})));
    CHECK(!is_spared(multipart("mixed", {text_part("words"), file_part(octets, 76, "text/html")})));
    CHECK(!is_spared(multipart("mixed", {text_part("words"), file_part(octets, 76, "message/rfc822")})));
    CHECK(!is_spared(multipart("mixed", {text_part("words"), file_part(octets, 76, "font/woff")})));
    CHECK(!is_spared(multipart("mixed", {text_part("words"), "Content-Type: message/rfc822\r\n\r\n" + mail})));
    CHECK(!is_spared(multipart("mixed", {text_part("words"), file_part(octets, 74)})));    // groups over the line's end
    CHECK(!is_spared(multipart("mixed", {text_part("words"), file_part(octets, 36)})));    // too short
    CHECK(!is_spared(multipart("mixed", {text_part("words"), file_part(octets, 1000)})));  // cut by libclamav
    CHECK(!is_spared(multipart("mixed", {text_part("words"), file_part(noise(10'000, 1))})));
    CHECK(!is_spared("From a@from.test\r\n" + mail));
    CHECK(!is_spared(mail.substr(0, mail.size() - 2)));
    for (const auto* begin : {"begin 644 a\r\nend\r\n", "BEGIN 644 a\r\nend\r\n", "words\r\nbegin 644 a\r\nend\r\n"})
        CHECK(!is_spared(multipart("mixed", {text_part(begin), file})));
    CHECK(is_spared(multipart("mixed", {text_part("to begin with"), file})));
    // More of it than is worth a copy.
    CHECK(!is_spared(multipart("mixed", {text_part(std::string(SparedLines::kMostShown, 'x')), file})));
    // A letter that is none, whoever says that the file is clear.
    const auto is_spared_with = [](std::string body, std::size_t spaces, std::size_t letters_more) {
        const auto letters = body.find('=') == std::string::npos ? body.size() / 78 * 76 : 0;
        for (std::size_t i = 0; i < spaces; ++i)
            body[body.size() / 2 / 78 * 78 + i] = ' ';
        body += std::string(letters_more, 'A') + "\r\n";
        const auto octets = noise((letters - spaces + letters_more) * 3 / 4, 1);
        const scanners::EncodedFile one{body, octets};
        return SparedLines(body, {&one, 1}).any();
    };
    const auto body = made::base64(noise(57 * 1000, 15));
    CHECK(is_spared_with(body, 0, 0));
    CHECK(is_spared_with(body, 0, 3));
    CHECK(!is_spared_with(body, 1, 0));
    CHECK(!is_spared_with(body, 1, 1));  // what is left of the letters is the same number of octets
    CHECK(!is_spared_with(body, 2, 2));
    CHECK(!is_spared_with(body, 4, 0));
}

TEST_CASE("octets go nowhere but into the file that has what stands before them") {
    const auto octets = noise(60'000, 16);
    const Looked looked(multipart("mixed", {text_part("words"), file_part(octets)}));
    const auto line = std::string("Sandwich/other/lines/0000000");
    const auto before = octets.substr(0, 14 * 57);
    auto other = before;
    other.back() ^= 1;
    struct Row {
        std::string in_file;
        std::size_t size;
        bool good;
    };
    for (const auto& row : {Row{before, octets.size(), true}, Row{before, octets.size() - 1, false},
                            Row{other, octets.size(), false}, Row{before + "x", octets.size(), false},
                            Row{before.substr(1), octets.size(), false}, Row{"", octets.size(), false}}) {
        const SparedLines spared(looked.mail(), looked.parts().files);
        const std::unique_ptr<std::FILE, decltype(&std::fclose)> file(std::tmpfile(), std::fclose);
        const int fd = ::fileno(file.get());
        REQUIRE(std::fwrite(row.in_file.data(), 1, row.in_file.size(), file.get()) == row.in_file.size());
        CHECK(!SparedLines::decode("any other line"));
        SparedLines::made(fd);
        CHECK(SparedLines::decode(line));
        struct stat status {};
        REQUIRE(::fstat(fd, &status) == 0);
        const bool written = row.in_file == before;
        CHECK((static_cast<std::size_t>(status.st_size) > 16'384) == written);
        CHECK(!spared.all_scanned());
        SparedLines::opened(fd + 1, row.size);
        CHECK(!spared.all_scanned());
        SparedLines::opened(fd, row.size);
        CHECK(spared.all_scanned() == row.good);
        CHECK(SparedLines::decode(line));  // once more: twice is not once
        CHECK(!spared.all_scanned());
    }
    CHECK(!SparedLines::decode(line));
}

TEST_CASE("a file that has the descriptor of one before is not that one") {
    const auto octets = noise(60'000, 17);
    const Looked looked(multipart("mixed", {text_part("words"), file_part(octets)}));
    const SparedLines spared(looked.mail(), looked.parts().files);
    const std::unique_ptr<std::FILE, decltype(&std::fclose)> file(std::tmpfile(), std::fclose);
    const int fd = ::fileno(file.get());
    REQUIRE(std::fwrite(octets.data(), 1, 14 * 57, file.get()) == 14 * 57);
    SparedLines::made(fd);
    CHECK(SparedLines::decode("Sandwich/other/lines/0000000"));
    SparedLines::made(fd);
    SparedLines::opened(fd, octets.size());
    CHECK(!spared.all_scanned());
}

TEST_CASE("where lines are of one length only at first, the rest of them is read") {
    const auto octets = noise(60'000, 12);
    auto mail = multipart("mixed", {text_part("words"), file_part(octets)});
    const auto end = mail.find("\r\n", mail.size() * 3 / 4);
    mail.erase(end - 4, 4);
    const Looked looked(mail);
    const made::Directory directory;
    directory.write("test.hsb", hash_signature(looked.parts().files.front().octets, "Whole"));
    CHECK(looked.parts().files.front().octets.size() == octets.size() - 3);
    const auto found = scan(made::Engine(directory.path()), looked);
    CHECK(found.spared);
    CHECK(found.name == "Whole.UNOFFICIAL");
}

TEST_CASE("what was not scanned was not scanned") {
    const Looked looked(multipart("mixed", {text_part("words"), file_part(noise(60'000, 14))}));
    const SparedLines spared(looked.mail(), looked.parts().files);
    CHECK(spared.any());
    CHECK(!spared.all_scanned());
    // One mail at a time.
    CHECK(!SparedLines(looked.mail(), looked.parts().files).any());
}

TEST_CASE("a line like ours in another file is no way around: the mail is scanned as it is") {
    constexpr std::string_view kOurs = "Sandwich/other/lines/0000000";
    const auto octets = noise(60'000, 13);
    const auto encoded = made::base64("0123456789ab", 16).substr(0, 16) + "\r\n" + std::string(kOurs) + "\r\n";
    const auto other =
        "Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=other\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n" +
        encoded;
    const made::Directory directory;
    // Of what the line says the first octets.
    directory.write("test.ndb", "Hidden:0:*:" + made::hex("0123456789ab") + "49a9ddc22721");
    config::Settings::Clamav settings;
    settings.database = directory.path();
    TemporaryDirectory temporary;
    scanners::clamav::ClamavScanner scanner(settings, std::chrono::seconds(20));
    REQUIRE(scanner.load());
    REQUIRE(scanner.enter_worker(temporary.path()));
    for (const bool before : {true, false}) {
        const Looked looked(before ? multipart("mixed", {other, file_part(octets)})
                                   : multipart("mixed", {file_part(octets), other}));
        const made::Engine engine(directory.path());
        const auto once = scan(engine, looked);
        CHECK(once.spared);
        CHECK(!once.all_scanned);
        CHECK(scan(engine, looked, false).name == "Hidden.UNOFFICIAL");
        CHECK(scanner.scan(looked.mail(), looked.parts()).name == "Hidden.UNOFFICIAL");
    }
}
