// Parts of logical signatures that need be seen once in a file. libclamav counts how often each part stands there, as
// some signatures ask for more ("0>5", or where the last one was); of most nothing is asked but whether it was there at
// all. Such parts are often short ("http", "am"), and stand in a text again and again.
//
// It relies on layout.hpp.
#pragma once

#include <vector>

#include "scanners/clamav/layout.hpp"

namespace scanners::clamav {

// Of each of a matcher's patterns, after cl_engine_compile(): whether it is a part of which it is enough to be seen
// once in a file, and surely is wherever its octets stand.
std::vector<bool> once_enough(const layout::Matcher& matcher);

}  // namespace scanners::clamav
