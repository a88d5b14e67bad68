// In front of what libclamav makes for every file that it looks at: the tables in which it notes which parts of
// signatures it has seen (some 750 KiB for real signatures, of which a file touches little or nothing). Linked into a
// program, seen_parts.cpp takes the place of the functions that make, fill and free them; the tables are kept and used
// again, and the rows of a signature of which nothing was seen are one and the same, in memory that nobody can write
// to.
//
// It knows how libclamav 1.4 lays them out (layout.hpp). With another version, or without keep_seen_parts(), the
// library does all by itself.
#pragma once

#include <cstddef>
#include <cstdint>

namespace scanners::clamav {

// Before any scan; one thread. Returns whether the library is one that it knows.
bool keep_seen_parts();

// Tables that are in use, those that wait to be, and the rows that they own. For tests.
struct SeenPartsCount {
    std::size_t in_use;
    std::size_t waiting;
    std::size_t rows;
};
SeenPartsCount count_seen_parts();

}  // namespace scanners::clamav
