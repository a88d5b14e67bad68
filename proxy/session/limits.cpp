#include "session/limits.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/log.hpp"

namespace session {
namespace {

constexpr std::array<std::string_view, kLimits> kNames{"max_connections",     "max_connections_per_client",
                                                       "max_connection_rate", "max_commands",
                                                       "max_errors",          "command_timeout",
                                                       "data_timeout",        "data_total_timeout",
                                                       "session_timeout",     "message_memory",
                                                       "spool_disk_floor",    "worker.queue",
                                                       "max_recipients",      "command_line",
                                                       "message_size_limit",  "max_header_size",
                                                       "max_header_fields"};
static_assert(kNames.back() == "max_header_fields" &&
              static_cast<std::size_t>(Limit::kHeaderFields) + 1 == kNames.size());

}  // namespace

std::string_view to_string(Limit limit) {
    return kNames[static_cast<std::size_t>(limit)];
}

void Limits::reached(Limit limit, const net::Address& client, Time now) {
    std::uint64_t left_out = 0;
    {
        const std::lock_guard lock(mutex_);
        auto& record = records_[static_cast<std::size_t>(limit)];
        ++record.count;
        if (record.quiet && now - record.logged < kQuiet) {
            ++record.left_out;
            return;
        }
        left_out = std::exchange(record.left_out, 0);
        record.quiet = true;
        record.logged = now;
    }
    base::log::event(base::log::kLimitReached, "{}: {}{}", to_string(limit), client.to_string(),
                     left_out > 0 ? fmt::format(", after {} more times", left_out) : "");
}

void Limits::flush(Time now) {
    for (std::size_t i = 0; i < kLimits; ++i) {
        std::uint64_t left_out = 0;
        {
            const std::lock_guard lock(mutex_);
            auto& record = records_[i];
            if (!record.quiet || now - record.logged < kQuiet)
                continue;
            left_out = std::exchange(record.left_out, 0);
            record.quiet = left_out > 0;
            record.logged = now;
        }
        if (left_out > 0)
            base::log::event(base::log::kLimitReached, "{}: {} more times", kNames[i], left_out);
    }
}

std::uint64_t Limits::count(Limit limit) const {
    const std::lock_guard lock(mutex_);
    return records_[static_cast<std::size_t>(limit)].count;
}

std::string Limits::summary() const {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (std::size_t i = 0; i < kLimits; ++i) {
        if (records_[i].count > 0)
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", kNames[i], records_[i].count);
    }
    return text.empty() ? "none reached" : text;
}

}  // namespace session
