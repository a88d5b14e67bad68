// find_expressions(): looks for the policy's expressions in the texts of a mail that has been opened. Worker only.
#pragma once

#include <vector>

#include "policy/scan_report.hpp"
#include "scanners/content/expressions.hpp"
#include "scanners/opening.hpp"

namespace scanners {

// Fills in the hits of the contents. What could not be looked at to its end is a result (invariant 6).
void find_expressions(Opening& opening, const content::Expressions& expressions,
                      std::vector<policy::ScanResult>& results);

}  // namespace scanners
