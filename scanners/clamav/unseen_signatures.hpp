// Logical signatures of which no part was seen in a file: nearly all. At the end of every file libclamav goes through
// the table of all of them, and for each through memory that lies here and there: what it looks for, the text of its
// expression, its parts. In that table, in the place of each one that cannot be true before a part of it was seen,
// stands an entry of a kind that libclamav passes over; who notes a part puts the signature back before.
//
// It relies on layout.hpp, and on seen_parts.cpp, which stands in front of all who note a part. Zygote and workers: one
// thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "scanners/clamav/layout.hpp"

namespace scanners::clamav {

// After cl_engine_compile(). Only where what was seen is noted by seen_parts.cpp. Nothing, if the table is not as it
// must be. Returns how many are hidden.
std::uint32_t hide_unseen_signatures(const layout::Matcher& matcher);

// Before a part of `signature` is noted. Which matcher it is of is not always known: then it is shown in all that have
// `count` of them. Shown without need costs time, nothing else.
void show_signature(const layout::Matcher& matcher, std::uint32_t signature);
void show_signature_in_any(std::uint32_t count, std::uint32_t signature);

// Once no file is being looked at. Returns how many were shown.
std::size_t hide_shown_signatures();

// Before libclamav frees `matcher`: what it frees is its own again.
void show_all_signatures(const layout::Matcher& matcher);

}  // namespace scanners::clamav
