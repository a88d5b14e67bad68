#include "scanners/content/unicode.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <memory>
#include <span>
#include <vector>

#include "scanners/content/unicode_tables.hpp"

namespace scanners::content {
namespace {

using tables::Range;
using tables::Run;

constexpr char32_t kTop = 0x20000;  // no table goes further, but for what is never shown
// Values of a Map that are no character: the surrogates never are.
constexpr char32_t kNothing = 0xd800;
constexpr char32_t kBlank = 0xd801;
constexpr char32_t kSeveral = 0xda00;  // and the number in the table

// One entry a character, made of the ranges: text in other scripts than Latin would pay a search for every character.
class Map {
  public:
    Map(std::span<const Run> runs, std::span<const tables::Several> several) : targets_(kTop, 0) {
        add(runs);
        for (std::size_t i = 0; i < several.size(); ++i)
            targets_[several[i].code] = kSeveral + static_cast<char32_t>(i);
        several_ = several;
    }
    void add(std::span<const Run> runs) {
        for (const auto& run : runs) {
            for (char32_t code = run.first; code <= run.last; code += run.step == 2 ? 2 : 1)
                targets_[code] = run.step == 0 ? run.to : run.step == 1 ? run.to + (code - run.first) : code + 1;
        }
    }
    void set(std::span<const Range> ranges, char32_t target) {
        for (const auto& range : ranges) {
            for (char32_t code = range.first; code <= range.last && code < kTop; ++code)
                targets_[code] = target;
        }
    }
    [[nodiscard]] Folded look_up(char32_t code) const {
        const char32_t target = code < kTop ? targets_[code] : code >= 0xe0000 && code <= 0xe0fff ? kNothing : 0;
        if (target == 0)
            return {Folded::Kind::kSame, code, {}};
        if (target == kNothing)
            return {Folded::Kind::kNothing, 0, {}};
        if (target == kBlank)
            return {Folded::Kind::kBlank, 0, {}};
        if (target >= kSeveral && target < kSeveral + several_.size())
            return {Folded::Kind::kSeveral, 0, several_[target - kSeveral].to};
        return {Folded::Kind::kOther, target, {}};
    }

  private:
    std::vector<char32_t> targets_;
    std::span<const tables::Several> several_;
};

Map make_compatible() {
    Map map(tables::kCompatible, tables::kCompatibleSeveral);
    map.set(tables::kIgnored, kNothing);
    map.set(tables::kBlanks, kBlank);
    return map;
}

bool within(std::span<const Range> ranges, char32_t code) {
    const auto after = std::upper_bound(ranges.begin(), ranges.end(), code,
                                        [](char32_t value, const Range& range) { return value < range.first; });
    return after != ranges.begin() && code <= std::prev(after)->last;
}

// Beyond ASCII, whole blocks: punctuation, symbols, pictures.
constexpr Range kNoWord[] = {
    {0x80, 0xa9},     {0xab, 0xb4},     {0xb6, 0xb9},     {0xbb, 0xbf},     {0xd7, 0xd7},     {0xf7, 0xf7},
    {0x37e, 0x37e},   {0x387, 0x387},   {0x55a, 0x55f},   {0x589, 0x58a},   {0x5be, 0x5be},   {0x5c0, 0x5c0},
    {0x5f3, 0x5f4},   {0x60c, 0x60d},   {0x61b, 0x61f},   {0x66a, 0x66d},   {0x6d4, 0x6d4},   {0x964, 0x965},
    {0xe3f, 0xe3f},   {0x2000, 0x206f}, {0x20a0, 0x20cf}, {0x2190, 0x2bff}, {0x2e00, 0x2e7f}, {0x3000, 0x3004},
    {0x3008, 0x3020}, {0x3030, 0x3030}, {0x303d, 0x303f}, {0x30fb, 0x30fb}, {0xd800, 0xf8ff}, {0xfe10, 0xfe6f},
    {0xff00, 0xff0f}, {0xff1a, 0xff20}, {0xff3b, 0xff40}, {0xff5b, 0xff65}, {0xffe0, 0xffff}, {0x1f000, 0x1faff}};
constexpr Range kUnspaced[] = {
    {0xe00, 0xe3e},   {0xe40, 0xeff},   {0x1000, 0x109f}, {0x1780, 0x17ff},   {0x2e80, 0x2fdf},  {0x3005, 0x3007},
    {0x3021, 0x302f}, {0x3031, 0x303c}, {0x3041, 0x30fa}, {0x30fc, 0x30ff},   {0x31f0, 0x31ff},  {0x3400, 0x4dbf},
    {0x4e00, 0x9fff}, {0xf900, 0xfaff}, {0xff66, 0xff9f}, {0x1b000, 0x1b16f}, {0x20000, 0x3ffff}};
constexpr Range kDecorations[] = {{0x300, 0x36f},   {0x483, 0x489},   {0x1ab0, 0x1aff},
                                  {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0xfe20, 0xfe2f}};

char32_t compose_hangul(char32_t base, char32_t mark) {
    constexpr char32_t kLead = 0x1100;
    constexpr char32_t kVowel = 0x1161;
    constexpr char32_t kTail = 0x11a7;
    constexpr char32_t kSyllable = 0xac00;
    if (base >= kLead && base < kLead + 19 && mark >= kVowel && mark < kVowel + 21)
        return kSyllable + ((base - kLead) * 21 + (mark - kVowel)) * 28;
    if (base >= kSyllable && base < kSyllable + 11172 && (base - kSyllable) % 28 == 0 && mark > kTail &&
        mark < kTail + 28)
        return base + (mark - kTail);
    return 0;
}

bool is_continuation(char octet) {
    return (static_cast<unsigned char>(octet) & 0xc0) == 0x80;
}

}  // namespace

char32_t next_character(std::string_view text, std::size_t& at) {
    const auto octet = [&text](std::size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[i])); };
    const char32_t first = octet(at++);
    if (first < 0x80)
        return first;
    const std::size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || text.size() - at < more)
        return kReplacement;
    char32_t code = first & (0x3fU >> more);
    for (std::size_t i = 0; i < more; ++i) {
        if (!is_continuation(text[at + i]))
            return kReplacement;
        code = code << 6 | (octet(at + i) & 0x3f);
    }
    constexpr std::array<char32_t, 4> kLeast = {0, 0x80, 0x800, 0x10000};
    if (code < kLeast[more] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return kReplacement;
    at += more;
    return code;
}

char32_t character_before(std::string_view text, std::size_t at) {
    std::size_t begin = at - 1;
    while (begin > 0 && at - begin < 4 && is_continuation(text[begin]))
        --begin;
    return next_character(text, begin);
}

void append_utf8(std::string& out, char32_t code) {
    const auto put = [&out](char32_t octet) { out.push_back(static_cast<char>(octet)); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xc0 | code >> 6);
        put(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        put(0xe0 | code >> 12);
        put(0x80 | (code >> 6 & 0x3f));
        put(0x80 | (code & 0x3f));
    } else {
        put(0xf0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3f));
        put(0x80 | (code >> 6 & 0x3f));
        put(0x80 | (code & 0x3f));
    }
}

std::size_t cut_at(std::string_view text, std::size_t n) {
    if (n >= text.size())
        return text.size();
    std::size_t cut = n;
    while (cut > 0 && n - cut < 4 && is_continuation(text[cut]))
        --cut;
    return cut;
}

Folded compatible(char32_t code) {
    static const Map map = make_compatible();
    return map.look_up(code);
}

Folded lower(char32_t code) {
    if (code < 0x80)
        return {Folded::Kind::kSame, code >= 'A' && code <= 'Z' ? code + ('a' - 'A') : code, {}};
    static const Map map(tables::kLower, tables::kLowerSeveral);  // from beyond ASCII on
    return map.look_up(code);
}

char32_t compose(char32_t base, char32_t mark) {
    static const std::vector<bool> marks = [] {
        std::vector<bool> made(0x10000);
        for (const auto& pair : tables::kPairs)
            made[pair.mark] = true;
        return made;
    }();
    if (mark < 0x300 || mark >= marks.size() || base >= 0x10000)
        return 0;
    if (!marks[mark])
        return compose_hangul(base, mark);
    const auto& pairs = tables::kPairs;
    const auto wanted = static_cast<std::uint32_t>(mark) << 16 | static_cast<std::uint32_t>(base);
    const auto key = [](const tables::Pair& pair) {
        return static_cast<std::uint32_t>(pair.mark) << 16 | static_cast<std::uint32_t>(pair.base);
    };
    const auto found =
        std::lower_bound(pairs.begin(), pairs.end(), wanted,
                         [&key](const tables::Pair& pair, std::uint32_t value) { return key(pair) < value; });
    return found != pairs.end() && key(*found) == wanted ? found->both : 0;
}

bool is_decoration(char32_t code) {
    return code >= 0x300 && within(kDecorations, code);
}

bool is_word(char32_t code) {
    if (code < 0x80)
        return (code >= '0' && code <= '9') || (code >= 'A' && code <= 'Z') || (code >= 'a' && code <= 'z') ||
               code == '_';
    return !within(kNoWord, code);
}

bool is_unspaced(char32_t code) {
    return code >= 0xe00 && within(kUnspaced, code);
}

}  // namespace scanners::content
