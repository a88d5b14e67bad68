// What an alert of ClamAV means, by its name: said by libclamav in a worker, by clamd, or by an ICAP service that asks
// clamd. Pure; knows nothing of libclamav.
#pragma once

#include <string_view>

#include "policy/scan_report.hpp"

namespace scanners::clamav {

// An alert covers four things: a virus, a limit that was hit, something encrypted, something broken. Only the name
// tells them apart. `name` may be empty: libclamav does that for a limit.
policy::ScanResult interpret_alert(std::string_view scanner, std::string_view name);

}  // namespace scanners::clamav
