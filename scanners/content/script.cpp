#include "scanners/content/script.hpp"

#include <algorithm>
#include <iterator>

#include "scanners/content/unicode.hpp"

namespace scanners::content {
namespace {

constexpr unsigned kGoodPart = 20;  // per cent

struct Block {
    char32_t first, last;
    Script script;
};
// Ascending. What stands in none of them and is no sign is kOther.
constexpr Block kBlocks[] = {
    {0xaa, 0x24f, Script::kLatin},       {0x250, 0x2af, Script::kLatin},      {0x370, 0x3ff, Script::kGreek},
    {0x400, 0x52f, Script::kCyrillic},   {0x531, 0x58f, Script::kArmenian},   {0x591, 0x5ff, Script::kHebrew},
    {0x600, 0x77f, Script::kArabic},     {0x8a0, 0x8ff, Script::kArabic},     {0x900, 0xdff, Script::kDevanagari},
    {0xe00, 0xe7f, Script::kThai},       {0x10a0, 0x10ff, Script::kGeorgian}, {0x1100, 0x11ff, Script::kHangul},
    {0x1c80, 0x1c8f, Script::kCyrillic}, {0x1c90, 0x1cbf, Script::kGeorgian}, {0x1e00, 0x1eff, Script::kLatin},
    {0x1f00, 0x1fff, Script::kGreek},    {0x2c60, 0x2c7f, Script::kLatin},    {0x2de0, 0x2dff, Script::kCyrillic},
    {0x2e80, 0x2fdf, Script::kHan},      {0x3005, 0x3007, Script::kHan},      {0x3041, 0x30ff, Script::kKana},
    {0x3131, 0x318f, Script::kHangul},   {0x31f0, 0x31ff, Script::kKana},     {0x3400, 0x4dbf, Script::kHan},
    {0x4e00, 0x9fff, Script::kHan},      {0xa640, 0xa69f, Script::kCyrillic}, {0xa720, 0xa7ff, Script::kLatin},
    {0xac00, 0xd7ff, Script::kHangul},   {0xf900, 0xfaff, Script::kHan},      {0xfb00, 0xfb06, Script::kLatin},
    {0xfb1d, 0xfb4f, Script::kHebrew},   {0xfb50, 0xfdff, Script::kArabic},   {0xfe70, 0xfefe, Script::kArabic},
    {0xff21, 0xff3a, Script::kLatin},    {0xff41, 0xff5a, Script::kLatin},    {0xff66, 0xff9f, Script::kKana},
    {0xffa0, 0xffdc, Script::kHangul},   {0x1b000, 0x1b16f, Script::kKana},   {0x20000, 0x3ffff, Script::kHan},
};

bool is_letter(char32_t code) {
    if (!is_word(code) || is_decoration(code))
        return false;
    const auto folded = compatible(code);
    const bool digit = folded.kind == Folded::Kind::kOther && folded.code >= '0' && folded.code <= '9';
    return folded.kind != Folded::Kind::kNothing && !digit;
}

}  // namespace

void ScriptCount::add(std::string_view text) {
    const auto count = [this](Script script) {
        ++letters[static_cast<std::size_t>(script)];
        ++all;
    };
    for (std::size_t at = 0; at < text.size();) {
        const auto code = next_character(text, at);
        if (code < 0x80) {
            const auto letter = code | 0x20;
            if (letter >= 'a' && letter <= 'z')
                count(Script::kLatin);
            continue;
        }
        if (!is_letter(code))
            continue;
        const auto* const after =
            std::upper_bound(std::begin(kBlocks), std::end(kBlocks), code,
                             [](char32_t value, const Block& block) { return value < block.first; });
        const auto* const block = after == std::begin(kBlocks) ? nullptr : std::prev(after);
        count(block != nullptr && code <= block->last ? block->script : Script::kOther);
    }
}

unsigned ScriptCount::share(Script script) const {
    return all == 0 ? 0 : static_cast<unsigned>(letters[static_cast<std::size_t>(script)] * 100 / all);
}

std::uint16_t scripts_of(std::string_view text) {
    ScriptCount count;
    count.add(text);
    std::uint16_t scripts = 0;
    for (std::size_t i = 0; i < kScripts; ++i)
        if (count.share(static_cast<Script>(i)) >= kGoodPart)
            scripts = static_cast<std::uint16_t>(scripts | policy::bit(static_cast<Script>(i)));
    return scripts;
}

}  // namespace scanners::content
