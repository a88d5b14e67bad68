// Base64 (RFC 2045 section 6.8), and how lenient readers understand what is none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mail::mime {

// Readers agree on clean base64 only. They differ in what padding inside means, and in what a line is.
enum class Base64Reading : std::uint8_t {
    kContinue,    // padding ends a group, the next group follows; octets outside the alphabet are skipped
    kIgnore,      // padding is skipped like any other octet that does not belong there
    kStop,        // the first padding that ends a group ends everything
    kLineByLine,  // each line is read alone, up to its first octet that does not belong there
    kUrl,         // like kContinue, "-" and "_" stand for "+" and "/" (RFC 4648 section 5)
    kGroups,      // four octets at a time, each with as many letters as it has
    kLineGroups,  // a line's groups of four; what is left at its end is dropped
    kFirstBlock,  // up to the first empty line behind something
    kLastBlock,   // what stands behind the last empty line, or behind the last padding that something follows
    kCleanLines,  // a line with an octet that does not belong there is no base64 at all
};
inline constexpr unsigned kBase64Readings = 10;

// At most 3/4 of the input comes out. `defects`: bits of Defect are added, for kContinue only. Linear, total.
std::string decode_base64(std::string_view text, Base64Reading reading, std::uint64_t& defects);

// Decodes what the whole groups of four letters at the start of `text` say, up to the first octet that is none, into
// `out`: room for 3 octets for each 4 of `text`. Returns the number of octets read.
std::size_t decode_letters(std::string_view text, char* out);

// Whether a reading of a text may give other octets than kContinue, which found these defects in it.
bool may_differ(Base64Reading reading, std::uint64_t defects);

// Half a page of letters of the alphabet and nothing else: what else would it be. Not one letter again and again.
bool looks_like_base64(std::string_view text);

}  // namespace mail::mime
