#include "doctor/clock_check.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace doctor {

Findings judge_clock(const ClockFacts& facts) {
    constexpr const char* kAbout = "clock";
    constexpr auto kTolerance = std::chrono::minutes(5);
    constexpr auto kGreatestError = std::chrono::seconds(2);
    const std::string keep = "run a time service: apt-get install chrony (or systemctl enable --now systemd-timesyncd)";
    Findings findings;
    for (const auto& trace : facts.traces)
        if (trace.when > facts.now + kTolerance)
            findings.push_back(failure(kAbout,
                                       fmt::format("it says {}, but {} at {}: it is slow, or was set back",
                                                   base::iso8601(facts.now), trace.what, base::iso8601(trace.when)),
                                       "set the clock (chronyc makestep), then " + keep));
    if (!facts.asked)
        findings.push_back(warning(kAbout, "the kernel does not tell whether it is kept", keep));
    else if (!facts.synchronised)
        findings.push_back(warning(kAbout,
                                   fmt::format("it says {}, and nobody keeps it (the kernel calls it unsynchronised)",
                                               base::iso8601(facts.now)),
                                   keep));
    else if (facts.greatest_error > kGreatestError)
        findings.push_back(warning(kAbout,
                                   fmt::format("it may be wrong by {} s", facts.greatest_error.count() / 1'000'000),
                                   "see why the time service reaches no server (chronyc sources)"));
    if (findings.empty())
        findings.push_back(fine(kAbout, fmt::format("it says {}, and is kept to {} ms", base::iso8601(facts.now),
                                                    facts.greatest_error.count() / 1000)));
    return findings;
}

}  // namespace doctor
