// What people read in a file of Rich Text Format.
#pragma once

#include <cstddef>
#include <string_view>

#include "scanners/opening.hpp"

namespace scanners::attachment {

// Adds it as a text of `item`.
void rtf_text(Opening& opening, std::size_t item, std::string_view octets);

}  // namespace scanners::attachment
