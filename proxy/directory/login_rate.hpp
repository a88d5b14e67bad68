// LoginRate: how many passwords may be tried: of one user, counting those that were wrong, and of all together.
// Buckets that fill up again steadily. Memory is bounded, and no flood of other users makes it forget one: where there
// is no room for another user, that user has to wait. Thread-safe.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace directory {

class LoginRate {
  public:
    using Time = base::Monotonic::time_point;

    static constexpr auto kUserPeriod = std::chrono::minutes(10);
    static constexpr auto kPeriod = std::chrono::minutes(1);
    static constexpr std::size_t kMaxUsers = 100'000;

    // `of_user` attempts within kUserPeriod, `of_all` within kPeriod.
    LoginRate(unsigned of_user, unsigned of_all) : of_user_(of_user), of_all_(of_all), all_{double(of_all), {}} {}

    // Whether the password of `user` (case does not matter) may be tried now. Counts as a wrong one until taken back.
    [[nodiscard]] bool admit(std::string_view user, Time now = base::Monotonic::now());
    // It was no wrong one: right, or nobody could tell.
    void take_back(std::string_view user);

    [[nodiscard]] std::size_t users() const;

  private:
    struct Bucket {
        double left = 0;  // attempts
        Time at{};        // when that was so
    };
    static void fill(Bucket& bucket, double size, std::chrono::duration<double> period, Time now);
    bool make_room(Time now);

    const double of_user_;
    const double of_all_;
    mutable std::mutex mutex_;
    Bucket all_;
    std::map<std::string, Bucket, std::less<>> users_;  // a full bucket is none
    Time swept_{};
};

}  // namespace directory
