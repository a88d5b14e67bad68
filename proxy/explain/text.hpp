// A Case as text for an administrator. Pure.
#pragma once

#include <cstddef>
#include <string>

#include "explain/case.hpp"

namespace explain {

inline constexpr std::size_t kMaxText = 64UL * 1024;    // octets
inline constexpr std::size_t kMaxReport = 32UL * 1024;  // octets of it for what was seen in the mail
inline constexpr std::size_t kMaxExplained = 50;        // recipients
inline constexpr std::size_t kMaxNamesOnLine = 20;      // recipients of whom the same is told

// Who, what was seen, which rules each recipient met, what was decided. Printable ASCII, at most kMaxText octets; what
// was left out is told. Recipients of whom the same is to be told are told of once.
std::string to_text(const Case& one);

// `text` without the lines behind the first `limit` octets, and a line that says how many there were.
std::string cut_lines(std::string text, std::size_t limit);

}  // namespace explain
