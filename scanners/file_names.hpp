// The file names that an entity bears, by every reading of its header. Worker only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mail/mime/tree.hpp"

namespace scanners {

// UTF-8 without control characters, most likely first, at most policy::kMaxNames: of more, those whose ending differs
// come first, as the ending decides what opens the file.
std::vector<std::string> file_names(std::string_view text, const mail::mime::Entity& entity);

}  // namespace scanners
