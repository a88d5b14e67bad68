// sandwichctl matrix: what is done when a scanner cannot tell, as one table. Reads the configuration; asks nobody.
#pragma once

#include <optional>
#include <string>

#include "config/settings.hpp"

namespace inspect {

// The table: a row for each scanner and for looking inside, a column for each failure. With `recipient` what is in
// force for that address; without, a row more for each section of recipients. Then the limits and the policy's rules
// that let through what nobody has looked at.
std::string describe_matrix(const config::Settings& settings, const std::optional<std::string>& recipient);

// The command line after the program's name: "[-c FILE] [--to ADDRESS]". Exit status: 0 done, 1 the configuration has
// errors, 2 wrong usage.
int matrix(int argc, char** argv);

}  // namespace inspect
