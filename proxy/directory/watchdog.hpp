// Watchdog: a thread that does something at a deadline, unless it was called off: for libraries that wait without end.
// Thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "base/clock.hpp"

namespace directory {

class Watchdog {
  public:
    using Time = base::Monotonic::time_point;

    Watchdog();
    ~Watchdog();
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;

    // While one lives, `act` is done at its deadline, once, on the watchdog's thread; never after its end. `act`
    // neither waits nor throws.
    class Guard {
      public:
        Guard(Watchdog& watchdog, Time deadline, std::function<void()> act);
        ~Guard();
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;

      private:
        Watchdog& watchdog_;
        std::pair<Time, unsigned long> key_;
    };

  private:
    void run();

    std::mutex mutex_;
    std::condition_variable wake_;
    std::map<std::pair<Time, unsigned long>, std::function<void()>> acts_;
    unsigned long next_ = 0;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace directory
