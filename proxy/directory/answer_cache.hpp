// AnswerCache: what was found out about recipients lately. Bounded; what was used longest ago goes first.
//
// Thread-safe; knows no clock. Only clear words are kept: that a source was down is asked again.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "policy/recipient.hpp"

namespace directory {

class AnswerCache {
  public:
    using Time = std::chrono::steady_clock::time_point;
    struct Limits {
        std::size_t entries = 0;  // 0: nothing is kept
        std::chrono::seconds known{};
        std::chrono::seconds unknown{};
    };
    struct Counts {
        std::size_t entries = 0;
        std::uint64_t hits = 0;
        std::uint64_t misses = 0;
    };

    std::optional<policy::SourceAnswer> find(std::string_view key, Time now);
    void keep(std::string_view key, const policy::SourceAnswer& answer, Time now);
    void set_limits(const Limits& limits);
    void clear();
    [[nodiscard]] Counts counts() const;

  private:
    struct Entry {
        std::string key;
        policy::SourceAnswer answer;
        Time until;
    };
    void shrink(std::size_t most);

    mutable std::mutex mutex_;
    Limits limits_;
    std::list<Entry> entries_;                                                // used last at the front
    std::unordered_map<std::string_view, std::list<Entry>::iterator> index_;  // views of the entries' keys
    std::uint64_t hits_ = 0;
    std::uint64_t misses_ = 0;
};

}  // namespace directory
