// The text of ID.meta: one "key=value" line for each field of an Entry, in a fixed order, the last one a checksum.
//
//   sandwich-quarantine 1
//   id=... inbound_id=... (and so on)
//   reverse_path=...
//   mail_parameters=...
//   recipient=...            as often as there are recipients,
//   rcpt_parameters=...      each followed by its parameters
//   sum=SHA-256 of all octets before this line
//
// In values a backslash and every control character stand as \xNN, so a value never spans lines. decode() takes exactly
// what encode() writes: a file that somebody changed, or that a dying disk changed, is damaged, not half understood.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "quarantine/store.hpp"

namespace quarantine {

inline constexpr std::size_t kMaxMetadata = 16 << 20;  // octets; 10,000 recipients with long parameters fit

std::string encode(const Entry& entry);
base::Result<Entry> decode(std::string_view text);

// Lower-case hexadecimal.
std::string sha256(std::string_view bytes);

}  // namespace quarantine
