// NoticeRate: how many notices each address has had in the last hour. Any thread may ask.
//
// Knows no clock and no configuration. Whoever sends a thousand mails with forged senders makes a thousand addresses:
// the table is bounded, and when it is full no further address gets anything, until nothing has been asked for one of
// them for an hour.
// So addresses that come out of mails and those that stand in the configuration are counted apart, by two of these.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace session {

class NoticeRate {
  public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::size_t kMaxEntries = 10'000;  // below 2 MiB

    explicit NoticeRate(std::size_t max_entries = kMaxEntries) : max_entries_(max_entries) {}

    // Counts one more when it may be sent: in no 60 minutes more than `per_hour` (0: any number) of this notice go to
    // this address. The case of letters does not matter. `now` never goes back.
    bool allow(std::string_view notice, std::string_view address, unsigned per_hour, Time now);

    [[nodiscard]] std::size_t size() const;

  private:
    // Slices of five minutes: the one that has begun and the twelve before it hold the last hour whole.
    static constexpr std::chrono::minutes kSlice{5};
    static constexpr std::size_t kSlices = 13;

    struct Entry {
        std::int64_t newest = 0;  // number of the slice that was counted in last
        std::array<std::uint32_t, kSlices> counts{};

        void advance(std::int64_t slice);
        [[nodiscard]] std::uint64_t total() const;
    };

    void forget_old(std::int64_t slice);

    const std::size_t max_entries_;
    mutable std::mutex mutex_;
    std::unordered_map<std::string, Entry> entries_;  // by notice and address
    std::int64_t forgotten_ = -1;                     // the slice in which old entries were looked for last
};

}  // namespace session
