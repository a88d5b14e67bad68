#include "base/clock.hpp"

#include <fmt/format.h>

#include <array>
#include <ctime>

namespace base {

std::string rfc5322_date(Wall::time_point when) {
    // Names are spelled out here: strftime's follow the locale, RFC 5322's do not.
    static constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t seconds = Wall::to_time_t(when);
    std::tm local{};
    localtime_r(&seconds, &local);
    const long offset = local.tm_gmtoff / 60;
    return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} {}{:02}{:02}", kDays[static_cast<size_t>(local.tm_wday)],
                       local.tm_mday, kMonths[static_cast<size_t>(local.tm_mon)], local.tm_year + 1900, local.tm_hour,
                       local.tm_min, local.tm_sec, offset < 0 ? '-' : '+', std::abs(offset) / 60,
                       std::abs(offset) % 60);
}

std::tm local_time(Wall::time_point when) {
    const std::time_t seconds = Wall::to_time_t(when);
    std::tm local{};
    localtime_r(&seconds, &local);
    return local;
}

std::string iso8601(Wall::time_point when) {
    const std::time_t seconds = Wall::to_time_t(when);
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                       utc.tm_hour, utc.tm_min, utc.tm_sec);
}

std::string sendmail_delay(std::chrono::nanoseconds duration) {
    const auto total = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
    const auto days = total / 86400;
    const auto rest = total % 86400;
    const auto clock = fmt::format("{:02}:{:02}:{:02}", rest / 3600, rest % 3600 / 60, rest % 60);
    return days > 0 ? fmt::format("{}+{}", days, clock) : clock;
}

}  // namespace base
