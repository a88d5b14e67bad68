// A line of base64, which libclamav copies, looks through three times and decodes with a call for each letter. Linked
// into a program, encoded_line.cpp takes the place of its function and does it at once, where the line is nothing but
// whole groups of letters; all else is left to libclamav.
#pragma once

namespace scanners::clamav {

// Does nothing; who calls it has the function linked in.
void link_encoded_line();

}  // namespace scanners::clamav
