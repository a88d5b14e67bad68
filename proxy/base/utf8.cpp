#include "base/utf8.hpp"

namespace base {
namespace {

unsigned octet(std::string_view text, std::size_t index) {
    return static_cast<unsigned char>(text[index]);
}

bool continues(std::string_view text, std::size_t index) {
    return index < text.size() && (octet(text, index) & 0xc0U) == 0x80U;
}

// RFC 3629 section 4: what the second octet may be after this first one.
bool second_fits(unsigned first, unsigned second) {
    switch (first) {
        case 0xe0:
            return second >= 0xa0;  // no overlong form
        case 0xed:
            return second <= 0x9f;  // no surrogate
        case 0xf0:
            return second >= 0x90;
        case 0xf4:
            return second <= 0x8f;  // U+10FFFF
        default:
            return true;
    }
}

bool is_control(std::string_view character) {
    const unsigned first = octet(character, 0);
    return first < 0x20 || first == 0x7f || (first == 0xc2 && octet(character, 1) < 0xa0);
}

}  // namespace

std::size_t utf8_character(std::string_view text) {
    if (text.empty())
        return 0;
    const unsigned first = octet(text, 0);
    if (first < 0x80)
        return 1;
    const std::size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                               : first >= 0xe0 && first <= 0xef ? 3
                               : first >= 0xf0 && first <= 0xf4 ? 4
                                                                : 0;
    for (std::size_t i = 1; i < length; ++i) {
        if (!continues(text, i))
            return 0;
    }
    return length == 0 || !second_fits(first, octet(text, 1)) ? 0 : length;
}

bool is_clean_utf8(std::string_view text) {
    while (!text.empty()) {
        const auto length = utf8_character(text);
        if (length == 0 || is_control(text))
            return false;
        text.remove_prefix(length);
    }
    return true;
}

std::string clean_utf8(std::string_view text, std::size_t limit) {
    std::string clean;
    while (!text.empty()) {
        const auto length = utf8_character(text);
        const bool good = length > 0 && !is_control(text);
        const auto character = good ? text.substr(0, length) : std::string_view("?");
        if (clean.size() + character.size() > limit)
            break;
        clean += character;
        text.remove_prefix(length > 0 ? length : 1);
    }
    return clean;
}

}  // namespace base
