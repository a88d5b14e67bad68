// In which scripts a text is written: a cheap fact for conditions on language and character set.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace scanners::content {

enum class Script : std::uint8_t {
    kLatin,
    kCyrillic,
    kGreek,
    kArabic,
    kHebrew,
    kHan,
    kKana,
    kHangul,
    kThai,
    kDevanagari,  // and the other scripts of India
    kArmenian,
    kGeorgian,
    kOther,
};
inline constexpr std::size_t kScripts = 13;

// The configuration's word for it: "latin", "cyrillic" ...
std::string_view to_string(Script script);
std::optional<Script> script_of(std::string_view name);

// How many letters of each script; signs, digits and marks are of none.
struct ScriptCount {
    std::array<std::uint64_t, kScripts> letters{};
    std::uint64_t all = 0;

    void add(std::string_view text);  // UTF-8; markup is taken out before
    // Of all letters, in per cent, rounded down; 0 when there is no letter.
    [[nodiscard]] unsigned share(Script script) const;
};

}  // namespace scanners::content
