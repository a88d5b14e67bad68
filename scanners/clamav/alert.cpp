#include "scanners/clamav/alert.hpp"

#include <string>

namespace scanners::clamav {
namespace {

using policy::Cause;
using policy::Outcome;

// ClamAV marks what third-party databases say with this suffix; its own heuristics never have it. Without the check a
// signature called "Heuristics.Limits.Exceeded.Worm" would not count as found.
bool from_third_party(std::string_view name) {
    return name.ends_with(".UNOFFICIAL");
}

}  // namespace

policy::ScanResult interpret_alert(std::string_view scanner, std::string_view name) {
    const std::string who(scanner);
    const bool own = !from_third_party(name);
    if (name.empty() || (own && name.starts_with("Heuristics.Limits.Exceeded")))
        return {who, Outcome::kCannotTell, Cause::kLimit, std::string(name), "a limit was exceeded"};
    if (own && name.starts_with("Heuristics.Encrypted"))
        return {who, Outcome::kEncrypted, Cause::kNone, std::string(name), {}};
    if (own && name.starts_with("Heuristics.Broken"))
        return {who, Outcome::kCannotTell, Cause::kMalformed, std::string(name), "a file is broken"};
    return {who, Outcome::kFound, Cause::kNone, std::string(name), {}};
}

}  // namespace scanners::clamav
