// UTF-8: RFC 3629's table, and what is made of the rest.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>

#include "base/utf8.hpp"

using namespace std::string_literals;

namespace {

// The encoding of a code point by the rule of RFC 3629 section 3, whether or not it may be encoded.
std::string encoded(std::uint32_t point) {
    const auto tail = [&](unsigned shift) { return static_cast<char>(0x80U | ((point >> shift) & 0x3fU)); };
    if (point < 0x80)
        return {static_cast<char>(point)};
    if (point < 0x800)
        return {static_cast<char>(0xc0U | (point >> 6U)), tail(0)};
    if (point < 0x10000)
        return {static_cast<char>(0xe0U | (point >> 12U)), tail(6), tail(0)};
    return {static_cast<char>(0xf0U | (point >> 18U)), tail(12), tail(6), tail(0)};
}

}  // namespace

TEST_CASE("every code point but the surrogates is a character") {
    for (std::uint32_t point = 0; point < 0x120000; point += point < 0x11000 ? 1 : 251) {
        const auto text = encoded(point);
        const bool valid = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
        REQUIRE(base::utf8_character(text) == (valid ? text.size() : 0));
        REQUIRE(base::utf8_character(text + "x") == (valid ? text.size() : 0));
        if (text.size() > 1)
            REQUIRE(base::utf8_character(text.substr(0, text.size() - 1)) == 0);
    }
}

TEST_CASE("overlong forms and stray octets are none") {
    for (const auto* text : {"\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\x80",
                             "\xbf", "\xf5\x80\x80\x80", "\xff", "\xfe", "\xe2\x28\xa1", "\xc3\x28"})
        CHECK(base::utf8_character(text) == 0);
    CHECK(base::utf8_character("") == 0);
}

TEST_CASE("what is not clean becomes clean") {
    CHECK(base::clean_utf8("Gr\xc3\xbc\xc3\x9f"
                           "e",
                           100) ==
          "Gr\xc3\xbc\xc3\x9f"
          "e");
    CHECK(base::clean_utf8("a\r\nb\x7f\xc2\x85"
                           "c\xff\xc3",
                           100) == "a??b??c??");
    CHECK(base::clean_utf8("a\0b"s, 100) == "a?b");
    CHECK(base::clean_utf8("\xe2\x82\xac\xe2\x82\xac", 5) == "\xe2\x82\xac");
    CHECK(base::clean_utf8("abc", 2) == "ab");
    CHECK_FALSE(base::is_clean_utf8("a\nb"));
    CHECK_FALSE(base::is_clean_utf8("\xc2\x85"));
    CHECK(base::is_clean_utf8("\xc2\xa0 \xf0\x9f\x98\x80"));
    CHECK(base::is_clean_utf8(""));
    std::uint32_t seed = 1;
    for (int i = 0; i < 20000; ++i) {
        std::string octets;
        for (int k = 0; k < 8; ++k) {
            seed = seed * 1103515245U + 12345U;
            octets += static_cast<char>(seed >> 16U);
        }
        REQUIRE(base::is_clean_utf8(base::clean_utf8(octets, 6)));
        REQUIRE(base::clean_utf8(octets, 6).size() <= 6);
    }
}
