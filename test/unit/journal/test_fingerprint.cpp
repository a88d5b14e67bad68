#include <doctest/doctest.h>
#include <openssl/evp.h>

#include <fstream>
#include <set>

#include "samples.hpp"

using journal::Fingerprints;
using journal::open_fingerprints;

TEST_CASE("a fingerprint is GMAC (NIST SP 800-38D, test case 1 of GCM: no text, all zero)") {
    const auto fingerprints = Fingerprints::with_key(std::string(Fingerprints::kKeySize, '\0'));
    REQUIRE(fingerprints);
    CHECK(fingerprints->of("") == journal::Fingerprint{0x58, 0xe2, 0xfc, 0xce, 0xfa, 0x7e, 0x30, 0x61, 0x36, 0x7f, 0x1d,
                                                       0x57, 0xa4, 0xe7, 0x45, 0x5a});
}

TEST_CASE("every octet of a text counts, and its length, and the key") {
    const std::string text(1000, 'a');
    std::set<journal::Fingerprint> seen{content_of(text)};
    for (std::size_t at = 0; at < text.size(); ++at) {
        auto other = text;
        other[at] = 'b';
        CHECK(seen.insert(content_of(other)).second);
        CHECK(seen.insert(content_of(text.substr(0, at))).second);
    }
    CHECK(seen.insert(Fingerprints::with_key("0123456789abcdeX")->of(text)).second);
    CHECK(content_of(text) == content_of(text));
    CHECK_FALSE(Fingerprints::with_key("short"));
    CHECK(Fingerprints::with_new_key()->of(text) != Fingerprints::with_new_key()->of(text));
}

TEST_CASE("a text has the same fingerprint however it is cut") {
    const auto fingerprints = Fingerprints::with_key("0123456789abcdef");
    REQUIRE(fingerprints);
    std::string text;
    for (int i = 0; i < 5000; ++i)
        text += static_cast<char>(i * i % 251);
    const auto whole = fingerprints->of(text);
    for (const std::size_t size : {1, 7, 15, 16, 17, 4096, 5000}) {
        auto running = fingerprints->begin();
        for (std::size_t at = 0; at < text.size(); at += size)
            running.add(std::string_view(text).substr(at, size));
        running.add("");
        CHECK(running.end() == whole);
    }
    CHECK(fingerprints->begin().end() == fingerprints->of(""));
}

TEST_CASE("all who open a journal have its key") {
    const TemporaryDirectory directory;
    const auto one = open_fingerprints(directory.path());
    const auto other = open_fingerprints(directory.path());
    REQUIRE(one);
    REQUIRE(other);
    CHECK(one->of("text") == other->of("text"));
    const TemporaryDirectory elsewhere;
    CHECK(open_fingerprints(elsewhere.path())->of("text") != one->of("text"));
    CHECK(std::filesystem::status(directory.path() + "/key").permissions() == std::filesystem::perms(0600));
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory.path()))
        ++files;
    CHECK(files == 1);
}

TEST_CASE("a key that is none is an error, not another key") {
    const TemporaryDirectory directory;
    std::ofstream(directory.path() + "/key") << "too short";
    const auto opened = open_fingerprints(directory.path());
    REQUIRE_FALSE(opened);
    CHECK(opened.error().message.find("/key: not a key") != std::string::npos);
    CHECK_FALSE(open_fingerprints(directory.path() + "/missing"));
}
