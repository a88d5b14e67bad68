// What rules ask about the texts of a mail that has been opened: expressions, languages, writing systems. Worker only.
#pragma once

#include <span>
#include <vector>

#include "policy/scan_report.hpp"
#include "scanners/content/expressions.hpp"
#include "scanners/content/language.hpp"
#include "scanners/opening.hpp"

namespace scanners {

// The opening's texts as people read them: without markup. Borrowed from the opening.
std::vector<Text> readable_texts(Opening& opening);

// Fills in the hits of the contents. What could not be looked at to its end is a result (invariant 6).
void find_expressions(Opening& opening, std::span<const Text> texts, const content::Expressions& expressions,
                      std::vector<policy::ScanResult>& results);

// Fills in languages and writings, as far as the policy wants them. `languages` is null when it wants none.
void see_writing(Opening& opening, std::span<const Text> texts, const content::Languages* languages);

}  // namespace scanners
