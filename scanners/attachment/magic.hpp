// libmagic, for all types that file_type.hpp does not tell itself.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace scanners::attachment {

// In the zygote: maps the database (package libmagic-mgc). Workers share the mapping.
base::Status load_magic();

// "text/csv"; empty: unknown, or load_magic() has not been called. Looks at the first 64 KiB.
std::string magic_type(std::string_view octets);

}  // namespace scanners::attachment
