#include <doctest/doctest.h>

#include "scanners/content/script.hpp"

using scanners::content::Script;
using scanners::content::ScriptCount;

namespace {

ScriptCount count(std::string_view text) {
    ScriptCount made;
    made.add(text);
    return made;
}

}  // namespace

TEST_CASE("a text's script") {
    CHECK(count("Good day, caf\u00e9 \ufb01").share(Script::kLatin) == 100);
    CHECK(count("\u041f\u0440\u0438\u0432\u0435\u0442, 123 !!!").share(Script::kCyrillic) == 100);
    CHECK(count("\u0393\u03b5\u03b9\u03ac \u1f00").share(Script::kGreek) == 100);
    CHECK(count("\u0645\u0631\u062d\u0628\u0627 \u0661\u0662").share(Script::kArabic) == 100);
    CHECK(count("\u05e9\u05dc\u05d5\u05dd").share(Script::kHebrew) == 100);
    CHECK(count("\u4f60\u597d\u3002").share(Script::kHan) == 100);
    CHECK(count("\u3053\u3093\u306b\u30ab\uff76").share(Script::kKana) == 100);
    CHECK(count("\uc548\ub155").share(Script::kHangul) == 100);
    CHECK(count("\u0e2a\u0e27\u0e31").share(Script::kThai) == 100);
    CHECK(count("\u0928\u092e\u0938").share(Script::kDevanagari) == 100);
    CHECK(count("\u0531\u0532").share(Script::kArmenian) == 100);
    CHECK(count("\u10d0\u10d1").share(Script::kGeorgian) == 100);
    CHECK(count("\u1200\u1201").share(Script::kOther) == 100);
}

TEST_CASE("shares of a mixed text; signs and digits are of no script") {
    auto mixed = count("abc \u0430\u0431\u0432 ");
    CHECK(mixed.all == 6);
    CHECK(mixed.share(Script::kLatin) == 50);
    CHECK(mixed.share(Script::kCyrillic) == 50);
    mixed.add("\u4e2d\u6587");
    CHECK(mixed.share(Script::kHan) == 25);
    CHECK(count("12 .,-\u2014\u20ac\U0001f600\u200b\u0301").all == 0);
    CHECK(count("").share(Script::kLatin) == 0);
    CHECK(count("\xff\xfe").all == 0);
}

TEST_CASE("scripts by name") {
    for (std::size_t i = 0; i < scanners::content::kScripts; ++i) {
        const auto script = static_cast<Script>(i);
        CHECK(policy::writing_of(to_string(script)) == script);
    }
    CHECK_FALSE(policy::writing_of("runes"));
}
