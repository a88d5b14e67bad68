// Documents that are zip files: Office since 2007 (ECMA-376, [MS-OFFMACRO]) and OpenDocument. Parts that every document
// has become no items; whatever else lies in one does: macros, objects, files that have no business there.
#pragma once

#include <cstddef>
#include <string_view>

#include "scanners/opening.hpp"

namespace scanners::attachment {

bool is_office_zip(std::string_view type);

// Sets the exact type, and marks for macros, external links and passwords.
void open_office_zip(Opening& opening, std::size_t item, std::string_view octets);

}  // namespace scanners::attachment
