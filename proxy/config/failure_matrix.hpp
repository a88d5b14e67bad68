// The failure matrix of a configuration: which scanners are its rows, what can happen to each, and which cells let mail
// through that nobody has looked at. What a cell does is policy/failure.hpp's affair.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/check.hpp"
#include "config/settings.hpp"

namespace config {

struct MatrixRow {
    std::string scanner;       // as in results: "clamav", "clamd main", "contents"
    std::string_view section;  // of the table of settings
};

// Scanners that are asked, in the order of the file; looking inside last.
std::vector<MatrixRow> matrix_rows(const Settings& settings);

// There is a key for it. Signatures are too old only where an age is set.
bool can_happen(const Settings& settings, const MatrixRow& row, policy::Failure failure);

// A warning for each setting that opens cells, with all of them.
void check_open_cells(const Settings& settings, const Report& report);

}  // namespace config
