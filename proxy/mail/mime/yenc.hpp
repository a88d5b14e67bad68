// yEnc (draft 1.3, yenc.org): octets moved by 42, in a text between "=ybegin" and "=yend".
#pragma once

#include <cstdint>
#include <vector>

#include "mail/mime/encoded_file.hpp"

namespace mail::mime {

// At most `limit` files. `defects`: kYenc and kEncodedTextBroken are added. Linear, total; never longer than the text.
std::vector<EncodedFile> find_yencoded(std::string_view text, std::size_t limit, std::uint64_t& defects);

}  // namespace mail::mime
