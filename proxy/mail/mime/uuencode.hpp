// Uuencode (POSIX), which finds its own beginning in a text: "begin 644 name".
#pragma once

#include <cstdint>
#include <vector>

#include "mail/mime/encoded_file.hpp"

namespace mail::mime {

// At most `limit` files. `defects`: kUuencode and kEncodedTextBroken are added. Linear, total; at most three times as
// long as the text, as blanks at the ends of lines may have been lost. Also "begin-base64", its younger sister.
std::vector<EncodedFile> find_uuencoded(std::string_view text, std::size_t limit, std::uint64_t& defects);

// The lines alone, without "begin" and "end".
std::string decode_uuencoded_lines(std::string_view text);

}  // namespace mail::mime
