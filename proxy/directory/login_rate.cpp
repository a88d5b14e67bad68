#include "directory/login_rate.hpp"

#include <algorithm>

#include "config/spelling.hpp"

namespace directory {

void LoginRate::fill(Bucket& bucket, double size, std::chrono::duration<double> period, Time now) {
    if (now > bucket.at) {
        bucket.left = std::min(size, bucket.left + (now - bucket.at) / period * size);
        bucket.at = now;
    }
}

// Forgets the users whose buckets are full again. False: that makes no room.
bool LoginRate::make_room(Time now) {
    constexpr auto kPause = std::chrono::seconds(1);  // or whoever floods us would have us sweep all the time
    if (users_.size() < kMaxUsers)
        return true;
    if (now - swept_ < kPause)
        return false;
    swept_ = now;
    std::erase_if(users_, [&](const auto& entry) {
        auto bucket = entry.second;
        fill(bucket, of_user_, kUserPeriod, now);
        return bucket.left >= of_user_;
    });
    return users_.size() < kMaxUsers;
}

bool LoginRate::admit(std::string_view user, Time now) {
    const std::lock_guard lock(mutex_);
    fill(all_, of_all_, kPeriod, now);
    if (all_.left < 1)
        return false;
    auto key = config::lower(user);
    auto found = users_.find(key);
    if (found == users_.end()) {
        if (!make_room(now))
            return false;
        found = users_.try_emplace(std::move(key), Bucket{of_user_, now}).first;
    }
    fill(found->second, of_user_, kUserPeriod, now);
    if (found->second.left < 1)
        return false;
    found->second.left -= 1;
    all_.left -= 1;
    return true;
}

void LoginRate::take_back(std::string_view user) {
    const std::lock_guard lock(mutex_);
    const auto found = users_.find(config::lower(user));
    if (found == users_.end())
        return;
    found->second.left += 1;
    if (found->second.left >= of_user_)
        users_.erase(found);
}

std::size_t LoginRate::users() const {
    const std::lock_guard lock(mutex_);
    return users_.size();
}

}  // namespace directory
