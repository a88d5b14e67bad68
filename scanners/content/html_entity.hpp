// Character references of HTML (HTML standard, 13.2.5.72 to 13.2.5.80).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace scanners::content {

// Text with its references decoded; an attribute's value leaves "&copy=" alone. Never longer than the source.
void append_decoded(std::string& out, std::string_view html, bool attribute);

}  // namespace scanners::content
