// ServerChoice: which of several servers that do the same is asked. One that fails is left alone for a second, then
// two, up to a minute; when that is over one caller tries it, and the others do not wait for how that ends.
// Thread-safe.
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace directory {

class ServerChoice {
  public:
    using Time = base::Monotonic::time_point;

    static constexpr auto kFirstBackoff = std::chrono::seconds(1);
    static constexpr auto kLongestBackoff = std::chrono::minutes(1);

    explicit ServerChoice(std::size_t servers) : states_(servers) {}

    // Positions of the servers to be tried now, the preferred first; empty: all are left alone. The caller tries one
    // after the other until one answers, and tells how it went.
    std::vector<std::size_t> order(Time now = base::Monotonic::now());
    void reached(std::size_t server);
    void failed(std::size_t server, std::string why, Time now = base::Monotonic::now());

    // Why the one that failed first is left alone; empty when none is.
    [[nodiscard]] std::string why() const;

  private:
    struct State {
        bool down = false;
        bool trial = false;  // somebody is trying it
        Time retry{};
        std::chrono::seconds backoff{};
        std::string why;
    };

    mutable std::mutex mutex_;
    std::vector<State> states_;
};

}  // namespace directory
