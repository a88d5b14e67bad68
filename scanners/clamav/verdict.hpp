// What libclamav's answers mean. The one place that knows; pure, so that every row of the table has a test.
#pragma once

#include <clamav.h>

#include "policy/scan_report.hpp"

namespace scanners::clamav {

inline constexpr const char* kName = "clamav";

// `signature` may be null, also with CL_VIRUS (libclamav 1.4.6 does that when the mail itself is over the size limit).
policy::ScanResult interpret(cl_error_t code, const char* signature);

}  // namespace scanners::clamav
