// The limits of what clients may ask for (invariant 12), by name: each that is reached is counted, and told in the log.
//
// Who looks at a limit says so here; what the limit is stands in the settings, and what is done then at the place that
// looks. Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "net/address.hpp"

namespace session {

enum class Limit : std::uint8_t {
    // 421 at connect
    kConnections,
    kConnectionsPerClient,
    kConnectionRate,
    // 421 in a session
    kCommands,
    kErrors,
    kCommandTimeout,
    kDataTimeout,
    kDataTotalTimeout,
    kSessionTimeout,
    // 452
    kMessageMemory,
    kSpoolDiskFloor,
    kScanQueue,
    kRecipients,
    // 5xx
    kCommandLine,
    kMessageSize,
    kHeaderSize,
    kHeaderFields,
};
inline constexpr std::size_t kLimits = 17;

// The setting's name; "command_line" for the one limit that is none (smtp::ServerLimits).
std::string_view to_string(Limit limit);

class Limits {
  public:
    using Time = base::Monotonic::time_point;
    static constexpr std::chrono::seconds kQuiet{10};  // between two lines in the log about one limit

    // A flood must not fill the log: one line at once, then only the number of those left out.
    void reached(Limit limit, const net::Address& client, Time now = base::Monotonic::now());
    // Tells what was left out for longer than kQuiet. To be called every now and then.
    void flush(Time now = base::Monotonic::now());

    [[nodiscard]] std::uint64_t count(Limit limit) const;
    // "max_connections 4500, max_recipients 2"; "none reached".
    [[nodiscard]] std::string summary() const;

  private:
    struct Record {
        std::uint64_t count = 0;
        std::uint64_t left_out = 0;
        Time logged{};
        bool quiet = false;  // `logged` is less than kQuiet ago, as far as is known
    };
    mutable std::mutex mutex_;
    std::array<Record, kLimits> records_{};
};

}  // namespace session
