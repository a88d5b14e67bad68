// Octets that must stand in a text for a regular expression (PCRE) to match. Pure.
#pragma once

#include <string>
#include <string_view>

namespace scanners::clamav {

// A piece of every text that `expression` matches, where case counts and blanks are blanks (neither PCRE2_CASELESS nor
// PCRE2_EXTENDED). Of several pieces the longest. None: there is no such piece, or the expression has something that is
// not understood here.
std::string needed_octets(std::string_view expression);

}  // namespace scanners::clamav
