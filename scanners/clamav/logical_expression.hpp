// The expressions of logical signatures ("0&(1|2)>1") while none of their parts has been seen, which is nearly always:
// libclamav splits the expression of every such signature anew, operator by operator, for every file that it looks at.
// Linked into a program, logical_expression.cpp takes the place of libclamav's function, answers this case, and leaves
// all others to libclamav.
#pragma once

#include <cstdint>

namespace scanners::clamav {

// Whether [expression, end) is surely false, and says nothing about itself: it is well-formed, can only be true when
// something is there (no '=', no '<'), and `counts` is 0 for each of its numbers. Reads no other counts than libclamav.
bool is_surely_false(const char* expression, const char* end, const std::uint32_t* counts);

// Does nothing; who calls it has the function linked in.
void link_logical_expression();

}  // namespace scanners::clamav
