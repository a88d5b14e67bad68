// Text as a reader sees it, for matching: what changes the octets of a word and not its look is undone.
//
// Pure; time and memory linear in the text.
#pragma once

#include <string>
#include <string_view>

namespace scanners::content {

// Full-width and other forms of letters and digits become the plain ones (NFKC, but for rare ligatures of other
// scripts), base and mark one character (NFC), marks that belong to no letter go; what is never shown goes (soft
// hyphens, zero width, direction marks, controls); each run of white space is one blank, none at the ends and none
// between characters of scripts that have none; typographic quotes and dashes become ' " -. The result is UTF-8 without
// control characters, whatever the text is.
std::string normalise(std::string_view text);

// Case folding of normalised text.
std::string fold_case(std::string_view normal);

// The text itself, with U+FFFD for what is no UTF-8.
std::string valid_utf8(std::string_view text);

}  // namespace scanners::content
