// What is asked of a matcher's patterns. libclamav counts how often each part of a logical signature stands in a file
// and where, as some signatures ask for more ("0>5", or where the last one was); of most nothing is asked but whether
// it was there at all.
//
// It relies on layout.hpp.
#pragma once

#include <vector>

#include "scanners/clamav/layout.hpp"

namespace scanners::clamav {

// Of each of a matcher's patterns, after cl_engine_compile().
struct Asked {
    // Whether nothing is asked of what it is a part of but that it is there. Not of what says a file's type.
    std::vector<bool> presence;
    // Whether it is enough besides to be seen once in a file, and surely is wherever its octets stand. Such patterns
    // are often short ("http", "am"), and stand in a text again and again.
    std::vector<bool> once;
};

Asked what_is_asked(const layout::Matcher& matcher);

}  // namespace scanners::clamav
