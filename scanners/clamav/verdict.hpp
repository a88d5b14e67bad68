// What libclamav's answers mean. The one place that knows; pure, so that every row of the table has a test.
#pragma once

#include <clamav.h>

#include <string_view>

#include "policy/scan_report.hpp"

namespace scanners::clamav {

inline constexpr const char* kName = "clamav";

// `signature` may be null, also with CL_VIRUS (libclamav 1.4.6 does that when the mail itself is over the size limit).
// `complaint`: the first error that libclamav logged during the scan, empty when there was none. It decides where no
// signature matched: libclamav 1.4.6 says CL_CLEAN of a mail whose archive it could not unpack because the temporary
// directory was full.
policy::ScanResult interpret(cl_error_t code, const char* signature, std::string_view complaint = {});

}  // namespace scanners::clamav
