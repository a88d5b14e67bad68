// The text that libclamav makes of a script or a plain text before it looks at it: lower case, one blank for many,
// nothing that is not ASCII. It goes octet by octet, a tenth of the time that a mail of 1 MiB takes. Linked into a
// program, normalized_text.cpp takes the place of libclamav's function and makes the same, eight octets at a time.
#pragma once

namespace scanners::clamav {

// Does nothing; who calls it has the function linked in.
void link_normalized_text();

}  // namespace scanners::clamav
