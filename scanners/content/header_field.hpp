// The values of one header field, for expressions that look at it.
#pragma once

#include <string>
#include <string_view>

namespace scanners::content {

// Of all fields of that name (lower case) in a header ("Name: value" lines, folded ones too), in their order; a sign
// that no text has stands between two of them, so that nothing matches across.
std::string field_values(std::string_view header, std::string_view name);

}  // namespace scanners::content
