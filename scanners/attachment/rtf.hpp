// Rich Text Format: text that carries OLE objects in hexadecimal digits. Read as Word reads it, which forgives nearly
// everything: attackers cut the digits up with groups, control words and white space.
#pragma once

#include <cstddef>
#include <string_view>

#include "scanners/opening.hpp"

namespace scanners::attachment {

// Objects become embedded items; fields and templates that load something: kExternal.
void open_rtf(Opening& opening, std::size_t item, std::string_view octets);

}  // namespace scanners::attachment
