// Octets that a regular expression needs, and PCRE's answers with and without the look for them.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <doctest/doctest.h>
#include <pcre2.h>

#include <array>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "scanners/clamav/in_library.hpp"
#include "scanners/clamav/needed_octets.hpp"
#include "scanners/clamav/regular_expressions.hpp"

using scanners::clamav::in_library;
using scanners::clamav::needed_octets;

namespace {

using Code = std::unique_ptr<pcre2_code, decltype(&pcre2_code_free)>;

Code compile(const std::string& expression, std::uint32_t options = 0) {
    int error = 0;
    PCRE2_SIZE at = 0;
    return {pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(), options, &error, &at,
                          nullptr),
            pcre2_code_free};
}

// How it matches, and where.
using Answer = std::array<std::int64_t, 3>;

Answer match(decltype(pcre2_match)* function, const pcre2_code* code, const std::string& text, std::size_t begin,
             std::uint32_t options) {
    const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> data(pcre2_match_data_create(1, nullptr),
                                                                                   pcre2_match_data_free);
    const auto found =
        function(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), begin, options, data.get(), nullptr);
    if (found < 0)
        return {found, 0, 0};
    const auto* const range = pcre2_get_ovector_pointer(data.get());
    return {found >= 0 ? 1 : 0, static_cast<std::int64_t>(range[0]), static_cast<std::int64_t>(range[1])};
}

}  // namespace

TEST_CASE("of an expression the longest piece that every text has in which it matches") {
    for (const auto& [expression, octets] : {
             std::pair{"", ""},
             {"abc", "abc"},
             {R"(vw[\d]{4,8}\.7z)", ".7z"},
             {R"(a\x22b\/\-\.c)", "a\"b/-.c"},
             {R"(a\r\n\tb)", "a\r\n\tb"},
             {"ab?cde", "cde"},
             {"abc?de", "ab"},
             {"abc*d", "ab"},
             {"abc+d", "ab"},
             {"abc+?d", "ab"},
             {"abc++de", "ab"},
             {"abc{2}d", "ab"},
             {"abc{2,}+defg", "defg"},
             {"a.bc", "bc"},
             {"a[xyz]bcd[^]x]e", "bcd"},
             {R"(ab[\]x]c)", "ab"},
             {R"(ab[\\]c]de)", "c]de"},
             {"ab(cdefg)h", "ab"},
             {"ab(c(d|e)[)]f)ghi", "ghi"},
             {R"(a(?:bc\)d|e)fgh)", "fgh"},
             {"(a|b)*cd", "cd"},
             {"^abc$", "abc"},
             {"ab^cde", "cde"},
             {R"(\bab\Bc)", "ab"},
             {"\xe4\xf6", "\xe4\xf6"},
             {"a}b]c", "a}b]c"},
         }) {
        CAPTURE(expression);
        CHECK(needed_octets(expression) == octets);
    }
}

TEST_CASE("an expression that has something rare needs nothing") {
    for (const std::string_view expression : {"abc|defg",       "(?i)abc",      "(?:a(?i)b)cde", "(*UTF)abc",
                                              "a(?=b)cde",      "(?<n>a)bcd",   "(?#)abc",       R"(\Qa.b\Ecd)",
                                              R"(ab\x{41}cd)",  R"(ab\x4)",     R"(ab\1cd)",     R"(ab\Kcd)",
                                              R"(ab\pLcd)",     R"(ab\cxcd)",   R"(ab\ocd)",     "ab{cd",
                                              "ab{,2}cd",       "ab{2",         "ab[c",          "ab[[:alpha:]]cd",
                                              R"(ab[\Q]\E]cd)", R"(ab[\c]]cd)", "ab(cd",         "ab)cd",
                                              R"(abc\)",        "+ab",          "ab(*F)",        "ab(c(*F))d"}) {
        CAPTURE(expression);
        CHECK(needed_octets(expression).empty());
    }
}

TEST_CASE("what is needed stands in every match") {
    // Whatever expressions are made of, those that PCRE takes.
    static const std::array<std::string_view, 36> kPieces = {
        "a",     "b",        "ab",        "aba",   "bb",     ".",      "a?",       "b*",          "a+",
        "b{2}",  "a{1,2}",   "b{0,1}?",   "(a|b)", "(?:ab)", "(ab)?",  "[ab]",     "[^a]",        "[]a]",
        "[^]b]", R"([\]a])", R"(\x61)",   R"(\.)", R"(\w)",  R"(\d*)", R"(\b)",    "^",           "$",
        "|",     R"(\n)",    "(a(b|a)b)", "]",     "}",      "(?i)",   R"(\Qa\E)", "[[:alpha:]]", "(?=a)"};
    static auto* const library = in_library<decltype(pcre2_match)>("pcre2_match_8");
    scanners::clamav::look_for_needed_octets();
    REQUIRE((library != nullptr && library != &pcre2_match));
    std::mt19937 dice(20261130);
    unsigned matches = 0;
    unsigned needs = 0;
    unsigned spared = 0;
    for (int round = 0; round < 4000; ++round) {
        std::string expression;
        for (auto left = 1 + dice() % 6; left > 0; --left)
            expression += kPieces[dice() % kPieces.size()];
        const auto code = compile(expression, dice() % 4 == 0 ? PCRE2_DOTALL | PCRE2_MULTILINE : 0);
        if (code == nullptr)
            continue;
        const auto octets = needed_octets(expression);
        needs += octets.size() > 1 ? 1 : 0;
        for (int i = 0; i < 3; ++i) {
            std::string text(4096 + dice() % 50, "c.7\n"[dice() % 4]);
            for (auto left = dice() % 4; left > 0; --left) {
                static constexpr std::string_view kOctets = "abAB.]}1\n";
                std::string some;
                for (auto more = dice() % 9; more > 0; --more)
                    some += kOctets[dice() % kOctets.size()];
                text.insert(dice() % text.size(), some);
            }
            const auto begin = dice() % 3 == 0 ? dice() % text.size() : 0;
            const std::uint32_t options = dice() % 8 == 0 ? PCRE2_ANCHORED : 0;
            const auto expected = match(library, code.get(), text, begin, options);
            CAPTURE(expression);
            REQUIRE(match(&pcre2_match, code.get(), text, begin, options) == expected);
            const bool stands = text.find(octets, begin) != std::string::npos;
            matches += expected[0] > 0 ? 1 : 0;
            spared += stands ? 0 : 1;
            REQUIRE((stands || expected[0] < 0));
        }
    }
    CHECK(matches > 1000);
    CHECK(needs > 500);
    CHECK(spared > 500);
}

TEST_CASE("PCRE is not asked about a long text without what is needed, but where case or blanks may not count") {
    scanners::clamav::look_for_needed_octets();
    // What takes more steps than it may is an error: so PCRE shows whether it was asked.
    const std::unique_ptr<pcre2_match_context, decltype(&pcre2_match_context_free)> context(
        pcre2_match_context_create(nullptr), pcre2_match_context_free);
    pcre2_set_match_limit(context.get(), 10);
    const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> data(pcre2_match_data_create(1, nullptr),
                                                                                   pcre2_match_data_free);
    const auto ask = [&](const pcre2_code* code, const std::string& text) {
        return pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, 0, data.get(),
                           context.get());
    };
    const std::string expression = "(x+x+)+[yz]nee[d]ed";
    const auto code = compile(expression);
    REQUIRE(needed_octets(expression) == "nee");
    const std::string text(5000, 'x');
    CHECK(ask(code.get(), text) == PCRE2_ERROR_NOMATCH);
    CHECK(ask(code.get(), text + "need") == PCRE2_ERROR_MATCHLIMIT);
    CHECK(ask(code.get(), text.substr(0, 4000) + "d") == PCRE2_ERROR_MATCHLIMIT);
    CHECK(ask(compile(expression, PCRE2_CASELESS).get(), text + "d") == PCRE2_ERROR_MATCHLIMIT);
    CHECK(ask(compile(expression, PCRE2_EXTENDED).get(), text + "d") == PCRE2_ERROR_MATCHLIMIT);
    CHECK(ask(compile(expression, PCRE2_UTF).get(), text + "d") == PCRE2_ERROR_MATCHLIMIT);
}
