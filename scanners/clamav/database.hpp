// The signature directories: what to load, and what to tell an administrator when that cannot work. Zygote only.
#pragma once

#include <clamav.h>

#include <string>

#include "base/result.hpp"
#include "config/settings.hpp"

namespace scanners::clamav {

// Loads `settings.database`, and the test signatures where they are allowed, into `engine`. The value describes what
// was loaded: "clamav main 62 daily 27800, 8700000 signatures". Error: text for the administrator.
base::Result<std::string> load_databases(const config::Settings::Clamav& settings, cl_engine* engine);

}  // namespace scanners::clamav
