// Letters and blanks as header fields (RFC 5322) know them: ASCII, no locale.
#pragma once

#include <algorithm>
#include <string_view>

namespace mail {

inline char lower(char octet) {
    return octet >= 'A' && octet <= 'Z' ? static_cast<char>(octet - 'A' + 'a') : octet;
}

inline bool equal_ignoring_case(std::string_view left, std::string_view right) {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      [](char a, char b) { return lower(a) == lower(b); });
}

constexpr bool is_white(char octet) {
    return octet == ' ' || octet == '\t' || octet == '\r' || octet == '\n';
}

inline std::string_view trim(std::string_view text) {
    while (!text.empty() && is_white(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_white(text.back()))
        text.remove_suffix(1);
    return text;
}

}  // namespace mail
