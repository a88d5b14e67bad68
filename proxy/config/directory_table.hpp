// The part of the table of settings that is about directories and log-in: [ldap NAME], [login NAME].
#pragma once

#include <span>
#include <vector>

#include "config/settings_table.hpp"

namespace config {

std::vector<Setting> directory_table();

}  // namespace config
