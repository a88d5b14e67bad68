// The settings that are cells of the failure matrix (policy/failure.hpp): for each section that is a row, or lies over
// the rows, a key for each failure that it can have; and one for each limit of [content].
#pragma once

#include <vector>

#include "config/settings_table.hpp"

namespace config {

std::vector<Setting> action_settings();

}  // namespace config
