// KeyTable: where among sorted entries those with a key are. That there are none, which is so for nearly all octets of
// a text, is said after one look at a few bits. Made once, then only read.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace scanners::clamav {

class KeyTable {
  public:
    KeyTable() : bits_(1U << kFewestBits >> 6) {}

    // In ascending order.
    explicit KeyTable(std::vector<std::uint64_t> keys) : keys_(std::move(keys)) {
        const auto wanted = static_cast<unsigned>(std::bit_width(keys_.size() * kBitsForEach));
        const auto width = std::clamp(wanted, kFewestBits, kMostBits);
        shift_ = 64 - width;
        bits_.assign((1ULL << width) / 64, 0);
        for (const auto key : keys_)
            bits_[hash(key) / 64] |= 1ULL << hash(key) % 64;
    }

    bool empty() const { return keys_.empty(); }

    // False for nearly all keys that are not there.
    bool may_have(std::uint64_t key) const { return (bits_[hash(key) / 64] >> hash(key) % 64 & 1) != 0; }

    // [first, second) of the entries.
    std::pair<std::size_t, std::size_t> find(std::uint64_t key) const {
        const auto [first, last] = std::equal_range(keys_.begin(), keys_.end(), key);
        return {static_cast<std::size_t>(first - keys_.begin()), static_cast<std::size_t>(last - keys_.begin())};
    }

  private:
    // One of so many keys that are not there seems to be.
    static constexpr std::size_t kBitsForEach = 64;
    static constexpr unsigned kFewestBits = 10;  // log2
    static constexpr unsigned kMostBits = 23;    // log2: 1 MiB

    // Multiplied by an odd number near the golden ratio, the upper bits depend on all octets.
    std::uint64_t hash(std::uint64_t key) const { return key * 0x9e3779b97f4a7c15ULL >> shift_; }

    std::vector<std::uint64_t> keys_;
    std::vector<std::uint64_t> bits_;  // by hash
    unsigned shift_ = 64 - kFewestBits;
};

}  // namespace scanners::clamav
