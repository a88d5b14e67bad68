// ServerHealth: which servers of one network scanner are to be asked.
//
// A server that fails kFailures times in a row is left alone for a back-off, 1 s at first and doubled with each failed
// trial up to a minute; when that is over, one message tries it. It is up again with its first answer. Belongs to one
// loop; does no I/O but for log lines.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace scanners::network {

class ServerHealth {
  public:
    using Time = base::Monotonic::time_point;
    using Mask = std::uint32_t;  // of servers

    static constexpr unsigned kFailures = 3;
    static constexpr auto kFirstBackoff = std::chrono::seconds(1);
    static constexpr auto kLongestBackoff = std::chrono::minutes(1);

    // `scanner` for the log. At most 32 servers, in order of preference.
    ServerHealth(std::string scanner, std::vector<std::string> servers);

    struct Choice {
        std::optional<std::size_t> server;
        bool busy = false;  // no server, but one that is up had no room: worth waiting for
    };
    // The first server that is up, or whose back-off is over, has room and is not in `tried`. In the second case the
    // caller is its trial, and says how that went: answered(), failed() or given_up().
    Choice choose(Mask tried, const std::function<bool(std::size_t)>& has_room, Time now = base::Monotonic::now());

    void answered(std::size_t server, Time now = base::Monotonic::now());
    void failed(std::size_t server, const std::string& why, Time now = base::Monotonic::now());
    void given_up(std::size_t server);  // neither: nobody waited for the end

    // How many there are that a message could still be given to, `chosen` among them: they share its time.
    [[nodiscard]] std::size_t usable(Mask tried, std::size_t chosen) const;
    // "up", "down for 3 s, next try in 1 s (refused)"
    [[nodiscard]] std::string describe(std::size_t server, Time now = base::Monotonic::now()) const;

  private:
    struct State {
        std::string name;
        unsigned failures = 0;  // in a row
        bool asked = false;     // it has answered, or failed, at least once
        bool down = false;
        bool trial = false;
        Time since{};
        Time retry{};
        std::chrono::seconds backoff{};
        std::string why;
    };
    std::string scanner_;
    std::vector<State> states_;
};

}  // namespace scanners::network
