#include "scanners/attachment/glyph_names.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <optional>

namespace scanners::attachment {
namespace {

struct Glyph {
    std::string_view name;
    std::u32string_view characters;
};

// Signs and the letters that are no ASCII letter with an accent. Looked through from the start: names are found once a
// font.
constexpr Glyph kGlyphs[] = {
    {"space", U" "},
    {"nbspace", U" "},
    {"nonbreakingspace", U" "},
    {"exclam", U"!"},
    {"quotedbl", U"\""},
    {"numbersign", U"#"},
    {"dollar", U"$"},
    {"percent", U"%"},
    {"ampersand", U"&"},
    {"quotesingle", U"'"},
    {"quoteright", U"\u2019"},
    {"parenleft", U"("},
    {"parenright", U")"},
    {"asterisk", U"*"},
    {"plus", U"+"},
    {"comma", U","},
    {"hyphen", U"-"},
    {"minus", U"-"},
    {"period", U"."},
    {"slash", U"/"},
    {"fraction", U"/"},
    {"zero", U"0"},
    {"one", U"1"},
    {"two", U"2"},
    {"three", U"3"},
    {"four", U"4"},
    {"five", U"5"},
    {"six", U"6"},
    {"seven", U"7"},
    {"eight", U"8"},
    {"nine", U"9"},
    {"colon", U":"},
    {"semicolon", U";"},
    {"less", U"<"},
    {"equal", U"="},
    {"greater", U">"},
    {"question", U"?"},
    {"at", U"@"},
    {"bracketleft", U"["},
    {"backslash", U"\\"},
    {"bracketright", U"]"},
    {"asciicircum", U"^"},
    {"underscore", U"_"},
    {"grave", U"`"},
    {"quoteleft", U"\u2018"},
    {"braceleft", U"{"},
    {"bar", U"|"},
    {"braceright", U"}"},
    {"asciitilde", U"~"},
    {"exclamdown", U"\u00a1"},
    {"cent", U"\u00a2"},
    {"sterling", U"\u00a3"},
    {"currency", U"\u00a4"},
    {"yen", U"\u00a5"},
    {"section", U"\u00a7"},
    {"copyright", U"\u00a9"},
    {"ordfeminine", U"\u00aa"},
    {"guillemotleft", U"\u00ab"},
    {"registered", U"\u00ae"},
    {"degree", U"\u00b0"},
    {"plusminus", U"\u00b1"},
    {"mu", U"\u00b5"},
    {"paragraph", U"\u00b6"},
    {"periodcentered", U"\u00b7"},
    {"ordmasculine", U"\u00ba"},
    {"guillemotright", U"\u00bb"},
    {"onequarter", U"\u00bc"},
    {"onehalf", U"\u00bd"},
    {"threequarters", U"\u00be"},
    {"questiondown", U"\u00bf"},
    {"multiply", U"\u00d7"},
    {"divide", U"\u00f7"},
    {"onesuperior", U"\u00b9"},
    {"twosuperior", U"\u00b2"},
    {"threesuperior", U"\u00b3"},
    {"Euro", U"\u20ac"},
    {"florin", U"\u0192"},
    {"trademark", U"\u2122"},
    {"bullet", U"\u2022"},
    {"ellipsis", U"\u2026"},
    {"endash", U"\u2013"},
    {"emdash", U"\u2014"},
    {"quotedblleft", U"\u201c"},
    {"quotedblright", U"\u201d"},
    {"quotesinglbase", U"\u201a"},
    {"quotedblbase", U"\u201e"},
    {"guilsinglleft", U"\u2039"},
    {"guilsinglright", U"\u203a"},
    {"dagger", U"\u2020"},
    {"daggerdbl", U"\u2021"},
    {"perthousand", U"\u2030"},
    {"ff", U"ff"},
    {"fi", U"fi"},
    {"fl", U"fl"},
    {"ffi", U"ffi"},
    {"ffl", U"ffl"},
    {"AE", U"\u00c6"},
    {"ae", U"\u00e6"},
    {"OE", U"\u0152"},
    {"oe", U"\u0153"},
    {"Oslash", U"\u00d8"},
    {"oslash", U"\u00f8"},
    {"germandbls", U"\u00df"},
    {"Lslash", U"\u0141"},
    {"lslash", U"\u0142"},
    {"Eth", U"\u00d0"},
    {"eth", U"\u00f0"},
    {"Thorn", U"\u00de"},
    {"thorn", U"\u00fe"},
    {"Dcroat", U"\u0110"},
    {"dcroat", U"\u0111"},
    {"Hbar", U"\u0126"},
    {"hbar", U"\u0127"},
    {"Tbar", U"\u0166"},
    {"tbar", U"\u0167"},
    {"dotlessi", U"\u0131"},
    {"Idot", U"\u0130"},
    {"Alpha", U"\u0391"},
    {"Beta", U"\u0392"},
    {"Gamma", U"\u0393"},
    {"Delta", U"\u0394"},
    {"Epsilon", U"\u0395"},
    {"Zeta", U"\u0396"},
    {"Eta", U"\u0397"},
    {"Theta", U"\u0398"},
    {"Iota", U"\u0399"},
    {"Kappa", U"\u039a"},
    {"Lambda", U"\u039b"},
    {"Mu", U"\u039c"},
    {"Nu", U"\u039d"},
    {"Xi", U"\u039e"},
    {"Omicron", U"\u039f"},
    {"Pi", U"\u03a0"},
    {"Rho", U"\u03a1"},
    {"Sigma", U"\u03a3"},
    {"Tau", U"\u03a4"},
    {"Upsilon", U"\u03a5"},
    {"Phi", U"\u03a6"},
    {"Chi", U"\u03a7"},
    {"Psi", U"\u03a8"},
    {"Omega", U"\u03a9"},
    {"alpha", U"\u03b1"},
    {"beta", U"\u03b2"},
    {"gamma", U"\u03b3"},
    {"delta", U"\u03b4"},
    {"epsilon", U"\u03b5"},
    {"zeta", U"\u03b6"},
    {"eta", U"\u03b7"},
    {"theta", U"\u03b8"},
    {"iota", U"\u03b9"},
    {"kappa", U"\u03ba"},
    {"lambda", U"\u03bb"},
    {"nu", U"\u03bd"},
    {"xi", U"\u03be"},
    {"omicron", U"\u03bf"},
    {"pi", U"\u03c0"},
    {"rho", U"\u03c1"},
    {"sigma", U"\u03c3"},
    {"sigma1", U"\u03c2"},
    {"tau", U"\u03c4"},
    {"upsilon", U"\u03c5"},
    {"phi", U"\u03c6"},
    {"chi", U"\u03c7"},
    {"psi", U"\u03c8"},
    {"omega", U"\u03c9"},
};

struct Accent {
    std::string_view name;
    char32_t mark;
};
constexpr Accent kAccents[] = {
    {"acute", 0x301},     {"grave", 0x300}, {"circumflex", 0x302},  {"dieresis", 0x308},
    {"tilde", 0x303},     {"ring", 0x30A},  {"caron", 0x30C},       {"cedilla", 0x327},
    {"macron", 0x304},    {"breve", 0x306}, {"ogonek", 0x328},      {"hungarumlaut", 0x30B},
    {"dotaccent", 0x307}, {"dot", 0x307},   {"commaaccent", 0x326}, {"tonos", 0x301},
};

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::u32string by_name(std::string_view name) {
    if (name.size() == 1 && is_letter(name.front()))
        return {static_cast<char32_t>(name.front())};
    const auto* found =
        std::find_if(std::begin(kGlyphs), std::end(kGlyphs), [name](const Glyph& glyph) { return glyph.name == name; });
    return found != std::end(kGlyphs) ? std::u32string(found->characters) : std::u32string();
}

// "eacute", "Alphatonos".
std::u32string with_accent(std::string_view name) {
    for (const auto& accent : kAccents) {
        if (!name.ends_with(accent.name) || name.size() == accent.name.size())
            continue;
        const auto letter = by_name(name.substr(0, name.size() - accent.name.size()));
        if (letter.size() == 1)
            return letter + accent.mark;
    }
    return {};
}

std::optional<std::uint32_t> number(std::string_view digits, int base) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (error != std::errc() || end != digits.data() + digits.size() || digits.empty())
        return std::nullopt;
    return value;
}

// Cyrillic letters have numbers for names.
std::u32string cyrillic(std::uint32_t afii) {
    for (const auto& [first, from] : {std::pair{10017U, 0x410U}, {10065U, 0x430U}}) {
        if (afii < first || afii > first + 32)
            continue;
        const auto place = afii - first;
        if (place == 6)
            return {from == 0x410 ? char32_t{0x401} : char32_t{0x451}};  // yo
        return {static_cast<char32_t>(from + place - (place > 6 ? 1 : 0))};
    }
    return {};
}

std::u32string by_number(std::string_view name) {
    if (name.starts_with("uni") && name.size() >= 7) {
        std::u32string all;
        for (std::size_t at = 3; at + 4 <= name.size(); at += 4) {
            const auto value = number(name.substr(at, 4), 16);
            if (!value)
                return {};
            all += static_cast<char32_t>(*value);
        }
        return all;
    }
    if (name.starts_with("afii"))
        return cyrillic(number(name.substr(4), 10).value_or(0));
    const auto value = name.starts_with('u') && name.size() >= 5 ? number(name.substr(1), 16) : std::nullopt;
    return value && *value <= 0x10FFFF ? std::u32string{static_cast<char32_t>(*value)} : std::u32string();
}

std::u32string of_one(std::string_view name) {
    for (const auto way : {by_name, with_accent, by_number}) {
        if (auto characters = way(name); !characters.empty())
            return characters;
    }
    return {};
}

}  // namespace

std::u32string characters_of_glyph(std::string_view name) {
    name = name.substr(0, name.find('.'));  // "a.sc": a small capital
    std::u32string all;
    while (!name.empty()) {
        const auto end = std::min(name.find('_'), name.size());
        all += of_one(end == 0 ? name : name.substr(0, end));
        name.remove_prefix(end == 0 ? name.size() : std::min(end + 1, name.size()));
    }
    return all;
}

char32_t standard_character(unsigned char code) {
    struct Run {
        unsigned char first;
        std::u32string_view characters;
    };
    constexpr Run kRuns[] = {
        {0xA1, U"\u00a1\u00a2\u00a3/\u00a5\u0192\u00a7\u00a4'\u201c\u00ab\u2039\u203a\ufb01\ufb02"},
        {0xB1, U"\u2013\u2020\u2021\u00b7"},
        {0xB6, U"\u00b6\u2022\u201a\u201e\u201d\u00bb\u2026\u2030"},
        {0xBF, U"\u00bf"},
        {0xD0, U"\u2014"},
        {0xE1, U"\u00c6"},
        {0xE3, U"\u00aa"},
        {0xE8, U"\u0141\u00d8\u0152\u00ba"},
        {0xF1, U"\u00e6"},
        {0xF5, U"\u0131"},
        {0xF8, U"\u0142\u00f8\u0153\u00df"},
    };
    for (const auto& run : kRuns) {
        if (code >= run.first && code < run.first + run.characters.size())
            return run.characters[code - run.first];
    }
    return 0;
}

}  // namespace scanners::attachment
