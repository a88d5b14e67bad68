// Text into transfer encodings (RFC 2045 section 6), for what is put into a mail.
#pragma once

#include <string>
#include <string_view>

namespace mail::edit {

// Lines of 76 letters with CRLF between them, none at the end.
std::string encode_base64(std::string_view octets);

// Lines of `text` end with CRLF, and so do those that come out; lines of at most 76. No line begins with "-", so none
// is a delimiter of a multipart. Bare CR and LF are encoded.
std::string encode_quoted_printable(std::string_view text);

}  // namespace mail::edit
