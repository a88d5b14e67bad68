// What one entry finds.
#include "looking.hpp"

using namespace looking;

TEST_CASE("a keyword is found whole, in any case, however it is dressed up") {
    const auto secret = keyword("Top Secret");
    for (const std::string_view text : {"top secret", "this is TOP SECRET!", "top\r\n secret", "top\u00a0\u200bsecret",
                                        "t\u00adop sec\u200bret", "\uff34\uff2f\uff30 secret", "(top secret)",
                                        "\u4e2dtop secret\u4e2d", "\U0001d413\U0001d428\U0001d429 secret"}) {
        CAPTURE(text);
        CHECK(finds(secret, text));
    }
    for (const std::string_view text :
         {"", "topsecret", "top secrets", "stop secret", "top-secret", "top secr", "top_secret"}) {
        CAPTURE(text);
        CHECK_FALSE(finds(secret, text));
    }
}

TEST_CASE("a keyword's options") {
    auto entry = keyword("Cat");
    CHECK_FALSE(finds(entry, "concatenate"));
    entry.whole_words = false;
    CHECK(finds(entry, "conCATenate"));
    entry.case_sensitive = true;
    CHECK_FALSE(finds(entry, "concatenate"));
    CHECK(finds(entry, "conCatenate"));
    CHECK(finds(keyword("\u00c4RGER"), "a\u0308rger"));
    CHECK(finds(keyword("stra\u00dfe"), "STRASSE"));
    CHECK(finds(keyword("\u79d8\u5bc6"), "\u7edd\u79d8\r\n\u5bc6\u6587"));
    CHECK(finds(keyword("C++"), "in C++, always"));
    CHECK(finds(keyword("$100"), "for $100!"));
}

TEST_CASE("wildcards stay in their word") {
    const auto run = keyword("con*tial");
    CHECK(finds(run, "it is confidential."));
    CHECK(finds(run, "contial"));
    CHECK_FALSE(finds(run, "con fidential"));
    CHECK_FALSE(finds(run, "con, spatial"));
    CHECK_FALSE(finds(run, "confidentially"));
    CHECK(finds(run, "xcontial contial"));
    CHECK(finds(keyword("invoice*"), "INVOICES"));
    CHECK_FALSE(finds(keyword("invoice*"), "myinvoices"));
    const auto one = keyword("gr?y");
    CHECK(finds(one, "a gr\u00e4y cat"));
    CHECK(finds(one, "GREY"));
    CHECK_FALSE(finds(one, "gry"));
    CHECK_FALSE(finds(one, "gr y"));
    CHECK(finds(keyword("what\\?"), "so what?"));
    CHECK_FALSE(finds(keyword("what\\?"), "so whats"));
    auto plain = keyword("a*b");
    plain.wildcards = false;
    CHECK(finds(plain, "a*b"));
    CHECK_FALSE(finds(plain, "axb"));
    CHECK(finds(keyword("(a.c)*"), "see (a.c)d"));
    CHECK_FALSE(finds(keyword("(a.c)*"), "see (abc)d"));
}

TEST_CASE("regular expressions") {
    CHECK(finds(regex(R"(\bproject\s+(?:x|zeus)\b)"), "Project\r\n   ZEUS"));
    CHECK_FALSE(finds(regex(R"(\bproject\s+(?:x|zeus)\b)"), "project zeust"));
    auto strict = regex("AB-[0-9]{4}");
    strict.case_sensitive = true;
    CHECK(finds(strict, "AB-1234"));
    CHECK(finds(strict, "AB\u2010\uff11234"));
    CHECK_FALSE(finds(strict, "ab-1234"));
    CHECK(finds(regex("stra\u00dfe|\u00e4rger"), "\u00c4RGER"));
}

TEST_CASE("regular expressions that Vectorscan cannot express are confirmed by PCRE2") {
    const auto twice = regex(R"(\b(\w{3,})-\1\b)");
    CHECK(finds(twice, "bye-bye"));
    CHECK_FALSE(finds(twice, "bye-buy"));
    const auto ahead = regex(R"((?<!un)safe(?!ty))");
    CHECK(finds(ahead, "it is safe"));
    CHECK_FALSE(finds(ahead, "unsafe safety"));
    CHECK(finds(regex(R"(^first)"), "first things"));
    CHECK_FALSE(finds(regex(R"(^first)"), "at first"));
    CHECK(finds(regex(R"(last$)"), "at last"));
    CHECK_FALSE(finds(regex(R"(last$)"), "last things"));
    CHECK(finds(regex(R"((?|a(b)|c(d))\1\K!)"), "cdd!"));
}

TEST_CASE("a raw regular expression sees the text as it was sent") {
    auto lines = regex(R"(one\r\ntwo)");
    CHECK_FALSE(finds(lines, "one\r\ntwo"));
    lines.raw = true;
    CHECK(finds(lines, "one\r\ntwo"));
    auto hidden = regex(R"(\x{200b})");
    hidden.raw = true;
    CHECK(finds(hidden, "a\u200bb"));
    CHECK(finds(hidden, "\xff a\u200bb"));
}

TEST_CASE("a regular expression far inside a long text, and across the places where it is cut") {
    const auto entry = regex(R"(needle [0-9]{40} end)");
    const std::string needle = "needle " + std::string(40, '7') + " end";
    for (const std::size_t before :
         {16'300UL, 16'360UL, 16'384UL, 32'700UL, 32'740UL, 32'768UL, 12'280UL, 12'300UL, 100'000UL}) {
        CAPTURE(before);
        const auto text = std::string(before, 'x') + needle + std::string(20'000, 'y') + needle;
        auto counted = expression({entry});
        CHECK(score(counted, text) == 2);
    }
    const auto twice = expression({regex(R"((\w)\1#)"), keyword("nee*le")}, 3);
    CHECK(score(twice, std::string(32'760, ' ') + std::string(32'760, 'x') + " aa# needle " + std::string(70'000, 'y') +
                           " bb# ab#") == 3);
    CHECK(score(expression({regex("n+")}), std::string(16'370, 'x') + std::string(40, 'n') + "y") == 1);
    CHECK(score(expression({regex("n+")}), std::string(32'750, 'x') + std::string(40, 'n') + "y n") == 2);
    // Greedy to the end of the text.
    CHECK(score(expression({regex("begin.*")}), "begin" + std::string(50'000, 'z')) == 1);
    CHECK(score(expression({regex("begin z*")}), std::string(10'000, 'a') + "begin " + std::string(20'000, 'z')) == 1);
}

TEST_CASE("numbers in a text as it is written") {
    const auto card = number(Entry::Kind::kCard);
    CHECK(finds(card, "4111 1111\r\n1111 1111"));
    CHECK(finds(card, "\uff14111\u20111111\u20111111\u20111111"));
    CHECK(finds(card, "4111\u00a01111\u200b\u00a01111\u00a01111"));
    CHECK_FALSE(finds(card, "4111 1111 1111 1112"));
    CHECK(finds(number(Entry::Kind::kIban), "DE89 3704 0044\n0532 0130 00"));
    CHECK(finds(number(Entry::Kind::kUsSsn), "123\u201345\u20136789"));
    CHECK(finds(number(Entry::Kind::kUsSsnDigits), "123456789"));
    auto luhn = number(Entry::Kind::kLuhn);
    luhn.min_digits = luhn.max_digits = 15;
    CHECK(finds(luhn, "490154203237518"));
}
