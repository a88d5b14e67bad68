// Runs checks side by side, each on a thread of its own, and does not wait for one for ever.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "doctor/finding.hpp"
#include "doctor/setup.hpp"

namespace doctor {

struct Check {
    const char* name;
    Findings (*run)(const Setup&);
    std::chrono::seconds limit;  // then nobody waits for it any more
};

// Their findings, in the order of the checks, printed as soon as those before are done. One that throws, or takes
// longer than its limit, is a failure itself; its thread is left behind then.
Findings run_checks(const std::vector<Check>& checks, const std::shared_ptr<const Setup>& setup);

}  // namespace doctor
