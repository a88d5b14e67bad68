// The part of the table of settings that is about scanning: the workers, what looks at a mail in them and beside them,
// its limits, and what is done with what is found: [worker], [scanner.KIND NAME], [content], [recipients PATTERN].
#pragma once

#include <vector>

#include "config/settings_table.hpp"

namespace config {

std::vector<Setting> scanner_table();

}  // namespace config
