// The signature directories: what to load, and what to tell an administrator when that cannot work. Zygote only.
#pragma once

#include <clamav.h>

#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"

namespace scanners::clamav {

struct Database {
    std::string description;  // "clamav main 62 daily 27800, 8700000 signatures"
    // When the newest was made: databases that freshclam keeps tell it; where there are none, the files' time is all
    // there is.
    base::Wall::time_point made;
};

// Loads `settings.database`, and the test signatures where they are allowed, into `engine`. Error: text for the
// administrator.
base::Result<Database> load_databases(const config::Settings::Clamav& settings, cl_engine* engine);

}  // namespace scanners::clamav
