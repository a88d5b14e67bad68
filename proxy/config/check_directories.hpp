// What the settings of directories and of log-in mean together.
#pragma once

#include "config/check.hpp"

namespace config {

void check_directories(const Settings& settings, const Report& report);

}  // namespace config
