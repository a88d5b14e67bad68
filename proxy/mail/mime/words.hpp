// Encoded words (RFC 2047): "=?utf-8?B?...?=" in header fields.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mail/mime/parameters.hpp"

namespace mail::mime {

// UTF-8 of an unfolded field; what is in no word is taken for UTF-8 (RFC 6532). White space between two words goes, and
// words of one character set are joined before they are converted, as characters may be cut. `defects`: kWordBroken is
// added. Linear, total.
std::string decode_words(std::string_view text, ToUtf8 to_utf8, std::uint64_t& defects);

}  // namespace mail::mime
