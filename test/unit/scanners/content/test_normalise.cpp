#include <doctest/doctest.h>

#include <string>

#include "scanners/content/keyword.hpp"
#include "scanners/content/normalise.hpp"
#include "scanners/content/unicode.hpp"

using scanners::content::fold_case;
using scanners::content::normalise;

TEST_CASE("plain text stays, white space becomes one blank") {
    CHECK(normalise("") == "");
    CHECK(normalise("a plain line, with: signs!") == "a plain line, with: signs!");
    CHECK(normalise("  one\r\n\ttwo\r\n\r\nthree  ") == "one two three");
    CHECK(normalise("a\u00a0b\u3000c\u2003d\u2028e") == "a b c d e");
}

TEST_CASE("what is never shown goes") {
    CHECK(normalise("con\u00adfi\u200bden\u200dtial") == "confidential");
    CHECK(normalise("vi\ufeffag\u2060ra\u202e \u061c!") == "viagra !");
    CHECK(normalise(std::string("n\0u\x01l", 5)) == "nul");
    CHECK(normalise("a\U000e0041b\ufe0fc\U000e0fffd") == "abcd");
}

TEST_CASE("other forms of letters and digits become the plain ones") {
    CHECK(normalise("\uff30\uff41\uff59\uff10\uff19\uff01") == "Pay09!");
    CHECK(normalise("\U0001d413\U0001d428\U0001d429 \u24c8\u24d4\u24d2") == "Top Sec");
    CHECK(normalise("o\ufb03ce \u2075\u00b2") == "office 52");
    CHECK(normalise("\u0661\u0662\u0663 \u0967") == "123 1");
    CHECK(normalise("it\u2019s \u201cx\u201d 1\u20132\u2014\u22123") == "it's \"x\" 1-2--3");
}

TEST_CASE("a base and its mark are one character") {
    CHECK(normalise("re\u0301sume\u0301") == "r\u00e9sum\u00e9");
    CHECK(normalise("Vie\u0323\u0302t") == "Vi\u1ec7t");
    CHECK(normalise("\u1112\u1161\u11ab") == "\ud55c");
}

TEST_CASE("a mark that no letter takes goes") {
    CHECK(normalise("v\u0336b\u0336x\u0336") == "vbx");
    CHECK(normalise("\u0301x") == "x");
    // A blank between: the mark stands alone.
    CHECK(normalise("e \u0301x") == "e x");
}

TEST_CASE("no blanks between characters of scripts that have none") {
    CHECK(normalise("\u79d8\r\n\u5bc6 \u6587 a \u4ef6") == "\u79d8\u5bc6\u6587 a \u4ef6");
}

TEST_CASE("whatever comes in, what comes out is UTF-8") {
    CHECK(normalise("\xff") == "\ufffd");
    CHECK(normalise("a\xc3") == "a\ufffd");
    CHECK(normalise("\xc0\xaf") == "\ufffd\ufffd");
    CHECK(normalise("\xed\xa0\x80") == "\ufffd\ufffd\ufffd");
    CHECK(normalise("\xf4\x90\x80\x80") == "\ufffd\ufffd\ufffd\ufffd");
    CHECK(normalise("\xf0\x9f\x98\x80") == "\xf0\x9f\x98\x80");
    CHECK(scanners::content::valid_utf8("a\r\n\xe4z") == "a\r\n\ufffdz");
}

TEST_CASE("case folding, of other scripts too") {
    CHECK(fold_case("ABC xyz 1") == "abc xyz 1");
    CHECK(fold_case("\u00c4\u00d6 \u0416\u0411 \u03a3\u03c2 \u0130") == "\u00e4\u00f6 \u0436\u0431 \u03c3\u03c3 i");
    CHECK(fold_case("Stra\u00dfe") == "strasse");
}

TEST_CASE("words end where letters, digits and marks end") {
    using scanners::content::stands_alone;
    const std::string text = "a cat, \u00fccat cat\u4e2d cat9 (cat)";
    const auto alone = [&](std::size_t nth) {
        std::size_t at = std::string::npos;
        for (std::size_t i = 0; i <= nth; ++i)
            at = text.find("cat", at + 1);
        return stands_alone(text, at, at + 3);
    };
    CHECK(alone(0));
    CHECK_FALSE(alone(1));
    CHECK(alone(2));  // Han needs no blank
    CHECK_FALSE(alone(3));
    CHECK(alone(4));
}
