// Why: what was seen in a mail and how the rules came to their decision, as text for an administrator. Pure.
#pragma once

#include <string>
#include <string_view>

#include "policy/decision.hpp"

namespace policy {

// What the scanners said and what is in the mail: a line for each result, item, limit. Printable ASCII.
std::string describe_report(const ScanReport& report);

// The rules that one recipient met, each with its questions and what was seen, and the decision. Printable ASCII.
std::string explain(const Facts& facts, std::size_t recipient, const Rules& rules);

// "quarantine (area programs), rule no-programs; archive in area kept": what is done, in one line; texts are shortened.
std::string describe_decision(const Decision& decision);

// The word for one of Item's marks: "encrypted", "macro" ...
std::string_view to_string(Mark mark);

}  // namespace policy
