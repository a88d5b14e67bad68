#include <doctest/doctest.h>

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "mail/mime/lines.hpp"

namespace {

using mail::mime::LinesWith;
using mail::mime::take_line;

std::vector<std::size_t> all_of(const LinesWith& lines, std::string_view text) {
    std::vector<std::size_t> found;
    for (auto at = lines.find(text, 0); at < text.size(); at = lines.find(text, at)) {
        found.push_back(at);
        take_line(text, at);
    }
    return found;
}

std::vector<std::size_t> one_by_one(std::string_view first, std::string_view text) {
    std::vector<std::size_t> found;
    for (std::size_t at = 0; at < text.size();) {
        const auto begin = at;
        take_line(text, at);
        if (first.find(text[begin]) != std::string_view::npos)
            found.push_back(begin);
    }
    return found;
}

}  // namespace

TEST_CASE("lines are found by the octet that they begin with") {
    static constexpr LinesWith kDashes("-");
    CHECK(all_of(kDashes, "").empty());
    CHECK(all_of(kDashes, "\n").empty());
    CHECK(all_of(kDashes, "a-\nb--\n").empty());
    CHECK(all_of(kDashes, "-") == std::vector<std::size_t>{0});
    CHECK(all_of(kDashes, "a\n-") == std::vector<std::size_t>{2});
    CHECK(all_of(kDashes, "-\r\n--\r\n\r\n-\n") == std::vector<std::size_t>{0, 3, 9});
    CHECK(kDashes.find("-a\n-b", 3) == 3);
    CHECK(kDashes.find("-a\nb", 3) == 4);
    static constexpr LinesWith kBehindWhite("-", LinesWith::White::kBefore);
    CHECK(all_of(kBehindWhite, "a\n -\n\t-\nb\n\r\n-\n") == std::vector<std::size_t>{2, 5, 10, 12});
}

TEST_CASE("lines are found wherever they lie, as one by one") {
    std::mt19937 random(20261130);
    const auto below = [&](unsigned end) { return std::uniform_int_distribution<unsigned>(0, end - 1)(random); };
    static constexpr std::string_view kFirst = "- \t\rb\x7f";
    static constexpr LinesWith kLines(kFirst);
    std::size_t seen = 0;
    for (int round = 0; round < 3000; ++round) {
        std::string text;
        // Of many octets, or of few lines that are long, or of hardly anything but line ends.
        const auto longest = 1 + below(round % 3 == 0 ? 200 : round % 3 == 1 ? 20 : 2);
        for (unsigned lines = below(30); lines > 0; --lines) {
            for (auto octets = below(longest); octets > 0; --octets)
                text += "-\t\r abB\x7f\xff\xad\x8d\0"[below(12)];
            text += below(2) == 0 ? "\n" : "\r\n";
        }
        text.resize(text.size() - below(static_cast<unsigned>(text.size()) + 1) / 8);
        const auto expected = one_by_one(kFirst, text);
        REQUIRE(all_of(kLines, text) == expected);
        seen += expected.size();
    }
    CHECK(seen > 3000);
}
