// Takes the transfer encoding off a body, in each way that some reader takes it off. Worker only.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "mail/mime/tree.hpp"

namespace scanners {

// By the first reading. `defects`: bits of mail::mime::Defect are added. Never longer than the body, but for BinHex
// (mail::mime::kMaxBinhex). Identity and what is unknown give a copy.
std::string decode_body(std::string_view body, mail::mime::Encoding encoding, std::uint64_t& defects);

// By every other reading that a broken body has, of which the first found these defects; none for a clean one. `take`
// answers whether to go on.
void decode_otherwise(std::string_view body, mail::mime::Encoding encoding, std::uint64_t defects,
                      const std::function<bool(std::string)>& take);

// With LF for CRLF: what a program sees that reads the mail from a Unix mailbox.
std::string with_local_line_ends(std::string_view text);

}  // namespace scanners
