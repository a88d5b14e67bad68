// In front of libclamav's two matchers: they look only where something that they know may stand. Linked into a program,
// matchers.cpp takes the place of the functions by which libclamav makes, asks and frees them, and asks the library's
// own for every answer that is not "nothing".
//
// It knows how libclamav 1.4 keeps its patterns (layout.hpp). With another version, with patterns that are not as they
// must be, or without prepare_matchers(), the library does all by itself. Exact but for one option that nobody here
// sets: with CL_SCAN_GENERAL_ALLMATCHES matches behind the first one of a text may be missing.
#pragma once

#include <cstddef>

namespace scanners::clamav {

// After cl_engine_compile(), before any scan; one thread. Returns how many patterns are looked for here.
std::size_t prepare_matchers();

// After keep_seen_parts() said that it does: unseen_signatures.hpp for each of libclamav's matchers. Returns how many
// signatures are hidden.
std::size_t hide_unseen_signatures();

}  // namespace scanners::clamav
