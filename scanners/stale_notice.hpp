// StaleNotice: says in the log that a scanner's signatures are too old, once an hour and not for every message. One
// loop.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.hpp"
#include "base/log.hpp"

namespace scanners {

class StaleNotice {
  public:
    // `why` is empty when they are not.
    void note(std::string_view scanner, std::string_view why) {
        constexpr std::chrono::hours kPause{1};
        const auto now = base::Monotonic::now();
        if (why.empty() || (told_ && now - *told_ < kPause))
            return;
        told_ = now;
        base::log::event(base::log::kSignaturesStale, "{}: {}", scanner, why);
    }

  private:
    std::optional<base::Monotonic::time_point> told_;
};

}  // namespace scanners
