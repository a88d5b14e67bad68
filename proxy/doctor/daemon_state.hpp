// The configuration as sandwichd judges it, and what the running daemon says of itself. Pure.
#pragma once

#include <string>
#include <string_view>

#include "doctor/finding.hpp"

namespace doctor {

struct ConfigurationFacts {
    std::string file;
    std::string not_run;  // why sandwichd --check-config could not be run; empty: it was
    int status = 0;
    std::string told;
};
Findings judge_configuration(const ConfigurationFacts& facts);

struct DaemonFacts {
    std::string socket;
    std::string unreachable;  // why; empty: it answers
    std::string status;       // what sandwichctl status shows
};
Findings judge_daemon(const DaemonFacts& facts);

}  // namespace doctor
