// The part of the table of settings that is about domains: their routes, and where their recipients are known: [domain
// NAME], [routing], [directory], [source.KIND NAME].
#pragma once

#include <vector>

#include "config/settings_table.hpp"

namespace config {

std::vector<Setting> domain_table();

}  // namespace config
