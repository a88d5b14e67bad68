// Notes of OneNote ([MS-ONESTORE]): files that were put into them lie there as they are, behind a mark.
#pragma once

#include <cstddef>
#include <string_view>

#include "scanners/opening.hpp"

namespace scanners::attachment {

void open_onenote(Opening& opening, std::size_t item, std::string_view octets);

}  // namespace scanners::attachment
