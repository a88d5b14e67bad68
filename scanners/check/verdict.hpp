// What a check program said, and what that means (sandwichd(8), CHECK PROGRAMS). Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "policy/scan_report.hpp"

namespace scanners::check {

inline constexpr std::size_t kMaxLine = 1000;  // octets of its first line

// How a program ended.
struct Ending {
    enum class Kind : char { kExit = 'x', kSignal = 's', kDeadline = 'd', kNotStarted = 'n' };
    Kind kind = Kind::kNotStarted;
    unsigned number = 0;  // exit status or signal
    std::string line;     // the first line of its standard output, or why it was not started
    bool operator==(const Ending&) const = default;
};

// "clean" with exit status 0; "found NAME" and "encrypted NAME", however it ended by itself; everything else: cannot
// tell. `scanner` of the result is left empty.
policy::ScanResult interpret(const Ending& ending);

}  // namespace scanners::check
