// Parses the content policy (sandwich-policy(5)): all errors at once, each with file and line; all or nothing.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/policy_texts.hpp"
#include "policy/rule.hpp"

namespace config {

// Bounds.
inline constexpr std::size_t kMaxRules = 2000;
inline constexpr std::size_t kMaxConditions = 200;    // of one rule or set
inline constexpr std::size_t kMaxConditionDepth = 8;  // sets in sets
inline constexpr std::size_t kMaxSteps = 100;         // of one rule

struct LoadedPolicy {
    std::shared_ptr<const policy::Policy> policy;  // null when there is an error
    std::vector<std::string> errors;               // "FILE:LINE: error: ..."
    std::vector<std::string> warnings;
};

// Parses. Pure. No files: an empty policy.
LoadedPolicy parse_policy(const PolicyFiles& files);

}  // namespace config
