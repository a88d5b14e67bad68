// How long to wait before a process that died is started anew: not at all the first time, then 100 ms, doubling to 5 s,
// and from the beginning again once one has lived for a minute.
#pragma once

#include <algorithm>

#include "base/clock.hpp"

namespace supervisor {

class Backoff {
  public:
    // A process that was started at `started` died at `now`: when to start the next one.
    base::Monotonic::time_point next(base::Monotonic::time_point started, base::Monotonic::time_point now) {
        if (now - started >= std::chrono::minutes(1))
            delay_ = std::chrono::milliseconds(0);
        const auto when = now + delay_;
        delay_ = std::clamp(delay_ * 2, kFirst, kLongest);
        return when;
    }

  private:
    static constexpr std::chrono::milliseconds kFirst{100};
    static constexpr std::chrono::milliseconds kLongest{5000};
    std::chrono::milliseconds delay_{0};
};

}  // namespace supervisor
