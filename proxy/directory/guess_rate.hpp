// GuessRate: how many unknown recipients each client has named in the last minute. Thread-safe; knows no clock.
//
// The table is bounded: while it is full of clients that guess, further ones are not slowed. So a flood from many
// addresses costs memory up to here, and nobody else's mail.
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace directory {

class GuessRate {
  public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::size_t kMaxClients = 10'000;
    static constexpr std::chrono::minutes kWindow{1};

    explicit GuessRate(std::size_t max_clients = kMaxClients) : max_clients_(max_clients) {}

    struct Count {
        bool slow = false;   // this one is beyond the limit
        bool first = false;  // and the first of its minute that is
    };
    // Counts one more. `per_minute` 0: nobody is slowed.
    Count count(std::string_view client, unsigned per_minute, Time now);

  private:
    struct Entry {
        Time begun;
        unsigned count = 0;
    };
    const std::size_t max_clients_;
    std::mutex mutex_;
    std::unordered_map<std::string, Entry> clients_;
};

}  // namespace directory
