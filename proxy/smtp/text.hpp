// Small text rules shared by the protocol files: ASCII only, no locale.
#pragma once

#include <string>
#include <string_view>

namespace smtp {

// C0 controls and DEL. Octets above 0x7f are text (RFC 6531).
inline bool is_control(char octet) {
    const auto value = static_cast<unsigned char>(octet);
    return value < 0x20 || value == 0x7f;
}

inline bool is_blank(char octet) {
    return octet == ' ' || octet == '\t';
}

inline char to_upper(char octet) {
    return octet >= 'a' && octet <= 'z' ? static_cast<char>(octet - 'a' + 'A') : octet;
}

std::string upper_case(std::string_view text);
bool equal_ignoring_case(std::string_view left, std::string_view right);
std::string_view trim_blanks(std::string_view text);
// The front of `text` up to a blank or the end.
std::string_view first_word(std::string_view text);

}  // namespace smtp
