#include "directory/watchdog.hpp"

#include "base/background_thread.hpp"

namespace directory {

Watchdog::Watchdog() {
    thread_ = base::background_thread([this] { run(); });
}

Watchdog::~Watchdog() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

Watchdog::Guard::Guard(Watchdog& watchdog, Time deadline, std::function<void()> act) : watchdog_(watchdog) {
    bool is_first = false;
    {
        const std::lock_guard lock(watchdog_.mutex_);
        key_ = {deadline, watchdog_.next_++};
        const auto added = watchdog_.acts_.emplace(key_, std::move(act)).first;
        is_first = added == watchdog_.acts_.begin();
    }
    if (is_first)
        watchdog_.wake_.notify_one();
}

Watchdog::Guard::~Guard() {
    const std::lock_guard lock(watchdog_.mutex_);
    watchdog_.acts_.erase(key_);
}

void Watchdog::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        if (acts_.empty()) {
            wake_.wait(lock);
        } else if (const auto first = acts_.begin(); base::Monotonic::now() < first->first.first) {
            const auto deadline = first->first.first;
            wake_.wait_until(lock, deadline);
        } else {
            first->second();
            acts_.erase(first);
        }
    }
}

}  // namespace directory
