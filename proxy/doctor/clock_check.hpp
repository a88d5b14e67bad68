// The clock: whether somebody keeps it, and whether what lies on this machine comes from its future. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "doctor/finding.hpp"

namespace doctor {

struct ClockFacts {
    base::Wall::time_point now{};
    bool asked = false;         // whether the kernel told
    bool synchronised = false;  // adjtimex(2): somebody disciplines the clock
    std::chrono::microseconds greatest_error{0};
    struct Trace {
        std::string what;  // "the signatures in daily.cld were built"
        base::Wall::time_point when;
    };
    std::vector<Trace> traces;
};
Findings judge_clock(const ClockFacts& facts);

}  // namespace doctor
