// Two clocks, never mixed: Monotonic for deadlines and durations, Wall for what people and other hosts read.
#pragma once

#include <chrono>
#include <ctime>
#include <string>

namespace base {

using Monotonic = std::chrono::steady_clock;
using Wall = std::chrono::system_clock;

// RFC 5322 section 3.3 date-time in local time with zone, as "Mon, 23 Nov 2026 05:11:00 +0000".
std::string rfc5322_date(Wall::time_point when);

// ISO 8601 in UTC to the second, as "2026-11-23T05:11:00Z": for files and for sandwichctl.
std::string iso8601(Wall::time_point when);

// Local time, as <ctime> has it.
std::tm local_time(Wall::time_point when);

// Sendmail's delay= form, "hh:mm:ss", with "d+" before it from one day on.
std::string sendmail_delay(std::chrono::nanoseconds duration);

}  // namespace base
