// What the settings mean together: circles, contradictions, and choices that deserve a warning.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.hpp"
#include "policy/rule.hpp"

namespace config {

// A setting that a finding speaks of; `socket` counts Settings::sockets.
struct Place {
    std::string_view section;
    std::string_view key;
    std::size_t socket = 0;
};

// The receiver knows the lines, and drops what rests on a value that could not be read.
using Report = std::function<void(Diagnostic::Severity, std::initializer_list<Place>, std::string)>;

void check(const Settings& settings, const Machine& machine, const Report& report);

// Error: mail would go round in a circle on this route. Names are known only when they are looked up.
base::Status check_route(const Settings& settings, const Machine& machine, const Route& route);

// What deserves a warning about it; empty: nothing.
std::string warn_route(const Machine& machine, const Route& route);

// check_route() for all of a domain file: "FILE:LINE: error: ...", at most kMaxDiagnostics.
std::vector<std::string> check_domain_list(const Settings& settings, const Machine& machine, const DomainList& list);

// What of a policy does not go with these settings: "policy.ini:12: error: ...".
std::vector<std::string> check_policy(const Settings& settings, const policy::Policy& policy, const Machine& machine);

}  // namespace config
