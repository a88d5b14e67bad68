// Names as people type them: case does not matter, and a slip of the finger gets a hint.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace config {

// ASCII only, whatever the locale.
std::string lower(std::string_view text);
bool same(std::string_view a, std::string_view b);
// ASCII without control characters.
bool is_printable(std::string_view text);

// The candidate that `word` was probably meant to be: at most a third of it wrong, and 3 letters at most. Empty: none.
std::string_view near_miss(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace config
