// libclamav's regular expressions go through a text octet by octet, although most of them need a word that does not
// stand there: one of the official signatures looks through every mail in this way. Linked into a program,
// regular_expressions.cpp stands in front of PCRE's functions: where a long text does not have the octets that an
// expression needs, it does not match, and PCRE is not asked.
#pragma once

namespace scanners::clamav {

// Does nothing; who calls it has the functions linked in.
void link_regular_expressions();

}  // namespace scanners::clamav
