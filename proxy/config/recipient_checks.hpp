// What parse() makes of the settings about recipients, once all of them are read.
#pragma once

#include "config/settings.hpp"

namespace config {

// Fills in what Settings has twice: servers with their ports, patterns, the socketmap's address, the check of each
// domain. What cannot be read is left empty; check() tells why.
void complete_recipient_checks(Settings& settings);

}  // namespace config
