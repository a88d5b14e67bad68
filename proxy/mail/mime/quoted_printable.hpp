// Quoted-printable (RFC 2045 section 6.7).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mail::mime {

// What "=" means before something that it may not stand before.
enum class QuotedReading : std::uint8_t {
    kKeep,      // it stands for itself
    kDrop,      // it and what should have been hexadecimal are left out
    kRepair,    // it alone is left out
    kCapitals,  // kRepair, where small hexadecimal digits are none and are left out with it
};
inline constexpr unsigned kQuotedReadings = 4;

// Never longer than the input. `defects`: bits of Defect are added. Linear, total.
std::string decode_quoted_printable(std::string_view text, QuotedReading reading, std::uint64_t& defects);

// The "Q" encoding of RFC 2047: "_" is a blank.
std::string decode_q(std::string_view text);

}  // namespace mail::mime
