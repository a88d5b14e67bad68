// The lines of a stamp, before they are put into a character set and an encoding.
#pragma once

#include <string>
#include <string_view>

namespace mail::edit {

// Lines with LF, at most 900 octets each (broken at a blank, else at a character), none with blanks at its end; the
// last one ends with LF. Control characters go. Empty stays empty. `flowed`: as format=flowed wants it (RFC 3676
// section 4.4).
std::string plain_lines(std::string_view text, bool flowed);

// The same lengths for an HTML fragment, broken at blanks only; no LF at the end.
std::string wrap(std::string_view fragment);

// With another line end for LF.
std::string with_line_ends(std::string_view text, std::string_view line_end);

// A parameter's value as it stands in a field: a token, or a quoted string.
std::string parameter_value(std::string_view value);

}  // namespace mail::edit
