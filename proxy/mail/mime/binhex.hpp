// BinHex 4.0 (RFC 1741 appendix A): a Macintosh file with its two forks as text between colons.
#pragma once

#include <cstdint>
#include <vector>

#include "mail/mime/encoded_file.hpp"

namespace mail::mime {

// Octets that come out of one BinHex text at most; repetition could make 85 of each three letters.
inline constexpr std::size_t kMaxBinhex = 64U << 20;

// Finds "(This file must be converted with BinHex" and reads what follows; the data fork is the file, and the resource
// fork, where there is one, a file of its own. At most `limit`. `defects`: kBinhex and kEncodedTextBroken are added.
// Linear, total; at most kMaxBinhex octets.
std::vector<EncodedFile> find_binhex(std::string_view text, std::size_t limit, std::uint64_t& defects);

}  // namespace mail::mime
