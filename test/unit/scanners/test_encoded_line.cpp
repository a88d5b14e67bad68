// A line that is decoded: libclamav's own, octet for octet, whatever the line before it left.
#include <clamav.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <random>
#include <string>
#include <string_view>

#include "made_database.hpp"
#include "scanners/clamav/encoded_line.hpp"
#include "scanners/clamav/in_library.hpp"
#include "scanners/clamav/layout.hpp"

namespace layout = scanners::clamav::layout;

extern "C" unsigned char* decodeLine(layout::Message* message, int encoding, const char* line, unsigned char* out,
                                     std::size_t room);

namespace {

using Decode = decltype(decodeLine);

constexpr int kEncodings = 7;
constexpr std::size_t kRoom = 2000;

// A message of libclamav, of which more is known there than here, and what its lines were decoded to.
struct Given {
    layout::Message message;
    std::array<char, 1024> more;

    bool operator==(const Given& other) const { return message.letters == other.message.letters && more == other.more; }
};

class Decoder {
  public:
    explicit Decoder(Decode* function) : function_(function) {}

    // The octets, and whether they end with a zero.
    std::string line(int encoding, const char* text) {
        std::string out(kRoom, '\xaa');
        auto* const begin = reinterpret_cast<unsigned char*>(out.data());
        const auto* const end = function_(&given_.message, encoding, text, begin, kRoom - 1);
        REQUIRE(end != nullptr);
        out.resize(static_cast<std::size_t>(end - begin) + 1);
        return out;
    }
    const Given& given() const { return given_; }

  private:
    Decode* function_;
    Given given_{};
};

Decode* library() {
    scanners::clamav::link_encoded_line();
    static auto* const found = scanners::clamav::in_library<Decode>("decodeLine");
    REQUIRE((found != nullptr && found != decodeLine));
    return found;
}

constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

TEST_CASE("a line of base64 is decoded as by libclamav") {
    made::silence_libclamav();
    Decoder ours(decodeLine);
    Decoder theirs(library());
    CHECK(ours.line(layout::kBase64, "U2FuZHdpY2ggMTAw") == std::string("Sandwich 100\0", 13));
    CHECK(theirs.line(layout::kBase64, "U2FuZHdpY2ggMTAw") == std::string("Sandwich 100\0", 13));
    CHECK(ours.line(layout::kBase64, "") == std::string(1, '\0'));
    for (std::size_t length = 0; length <= 200; ++length) {
        const auto text = std::string(kLetters.substr(length % 64)) + std::string(kLetters) + std::string(200, 'x');
        const auto line = text.substr(0, length / 4 * 4);
        REQUIRE(ours.line(layout::kBase64, line.c_str()) == theirs.line(layout::kBase64, line.c_str()));
    }
}

TEST_CASE("every octet in a line of base64 means what it means to libclamav") {
    made::silence_libclamav();
    for (int octet = 1; octet < 256; ++octet) {
        for (const std::size_t at : {0UL, 1UL, 2UL, 3UL, 38UL, 75UL}) {
            std::string line(76, 'Q');
            line[at] = static_cast<char>(octet);
            Decoder ours(decodeLine);
            Decoder theirs(library());
            REQUIRE(ours.line(layout::kBase64, line.c_str()) == theirs.line(layout::kBase64, line.c_str()));
            REQUIRE(ours.given() == theirs.given());
        }
    }
}

TEST_CASE("lines in any encoding, one after the other") {
    made::silence_libclamav();
    std::mt19937 dice(20261129);
    const auto up_to = [&dice](std::size_t most) { return std::size_t{dice()} % (most + 1); };
    std::size_t begun = 0;  // lines that began with what the one before them left
    std::size_t whole = 0;  // of which nothing was left
    for (int round = 0; round < 400; ++round) {
        Decoder ours(decodeLine);
        Decoder theirs(library());
        for (int count = 0; count < 20; ++count) {
            const int encoding = up_to(3) != 0 ? layout::kBase64 : static_cast<int>(up_to(kEncodings - 1));
            std::string line;
            for (auto left = up_to(1) == 0 ? 4 * up_to(25) : up_to(120); left > 0; --left)
                line += kLetters[up_to(kLetters.size() - 1)];
            for (auto odd = up_to(9) < 7 ? 0 : up_to(3); odd > 0 && !line.empty(); --odd)
                line[up_to(line.size() - 1)] = "= \r-_.\xe4"[up_to(6)];
            begun += ours.given().message.letters != 0 ? 1 : 0;
            const auto decoded = ours.line(encoding, line.c_str());
            REQUIRE_MESSAGE(decoded == theirs.line(encoding, line.c_str()), line);
            REQUIRE(ours.given() == theirs.given());
            whole += ours.given().message.letters == 0 ? 1 : 0;
        }
    }
    CHECK(begun > 500);
    CHECK(whole > 500);
}
