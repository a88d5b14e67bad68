// UTF-8 (RFC 3629) as the daemon lets it in: whole characters, no control characters.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace base {

// Octets of the valid character that `text` begins with, 1 to 4: no overlong form, no surrogate, at most U+10FFFF.
// 0: there is none.
std::size_t utf8_character(std::string_view text);

// Whole valid characters only, none of them a control character (C0, DEL, C1).
bool is_clean_utf8(std::string_view text);

// Every octet of what is not valid becomes "?", and so does each control character; cut after a whole character, at
// most `limit` octets. is_clean_utf8() holds of the result.
std::string clean_utf8(std::string_view text, std::size_t limit);

}  // namespace base
