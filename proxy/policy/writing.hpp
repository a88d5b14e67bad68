// Writing systems and languages, as conditions and facts name them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace policy {

enum class Writing : std::uint8_t {
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
inline constexpr std::size_t kWritings = 13;

constexpr std::uint16_t bit(Writing writing) {
    return static_cast<std::uint16_t>(1U << static_cast<unsigned>(writing));
}

// The configuration's word for it: "latin", "cyrillic" ...
std::string_view to_string(Writing writing);
std::optional<Writing> writing_of(std::string_view name);

// An ISO 639-1 code, lower case, of a language that can be told.
bool is_language(std::string_view code);

}  // namespace policy
