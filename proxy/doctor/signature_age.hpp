// Signatures: whether there are any, how old they are, whether somebody fetches new ones. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "doctor/finding.hpp"

namespace doctor {

struct SignatureFacts {
    bool enabled = true;     // [scanner.clamav] enable
    bool test_only = false;  // allow_test_signatures
    std::string directory;
    std::string unread;                           // why the directory cannot be looked into; empty: it can
    unsigned files = 0;                           // of signatures in it
    std::string newest;                           // file with the newest signatures that say when they were built
    std::optional<base::Wall::time_point> built;  // when; empty: none says so
    bool freshclam = false;                       // it runs, as a service
    std::chrono::seconds max_age{0};              // [scanner.clamav] max_signature_age; 0: any
    base::Wall::time_point now{};
};
Finding judge_signatures(const SignatureFacts& facts);

// Build time out of the head of a database (the last field: seconds since 1970). Empty: it is no such head.
std::optional<base::Wall::time_point> built_at(std::string_view head);
bool is_signature_file(std::string_view name);

}  // namespace doctor
