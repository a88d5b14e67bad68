// libclamav's regular expressions go through a text octet by octet, although most of them need a word that does not
// stand there: one of the official signatures looks through every mail in this way. Linked into a program,
// regular_expressions.cpp stands in front of PCRE's functions: where a long text does not have the octets that an
// expression needs, it does not match, and PCRE is not asked.
#pragma once

namespace scanners::clamav {

// From now on, for expressions of this process. To be called before signatures are loaded, where one thread runs: what
// is known of expressions has no lock.
void look_for_needed_octets();

}  // namespace scanners::clamav
