// By which of its octets a pattern of libclamav's trie is known (trie_windows.hpp): its keys. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "scanners/clamav/layout.hpp"

namespace scanners::clamav {

constexpr std::uint8_t kCaseBit = 0x20;
constexpr std::uint64_t kLowerCase = 0x2020202020202020;

// A text is looked at in blocks of so many octets. A long pattern has as many keys, so that one of them begins a block;
// one of middle length has two, so that one of them begins a half.
constexpr std::uint32_t kBlock = 4;
constexpr std::uint32_t kHalf = kBlock / 2;
constexpr std::size_t kLongKey = 4;
constexpr std::size_t kMediumKey = 3;
constexpr std::size_t kShortKey = 2;
constexpr std::size_t kShortestLong = kLongKey + kBlock - 1;  // fixed octets

// How far into a pattern its keys may begin.
constexpr std::size_t kFarthestKey = 32;

constexpr std::uint64_t first_of(std::uint64_t octets, std::size_t count) {
    return octets & ((1ULL << count * 8) - 1);
}

inline std::uint16_t kind_of(std::uint16_t entry) {
    return entry & layout::kKind;
}

// Octets that may stand for an entry: those with these bits of it. 0: any, or it cannot be said.
inline std::uint8_t mask_of(std::uint16_t entry) {
    switch (kind_of(entry)) {
        case layout::kOctet:
            return 0xff;
        case layout::kAnyCase:
            return static_cast<std::uint8_t>(~kCaseBit);
        case layout::kHighNibble:
            return 0xf0;
        case layout::kLowNibble:
            return 0x0f;
        default:
            return 0;
    }
}

// The octets of a pattern, as far as each has its place in it, and which bits of each count.
class FixedOctets {
  public:
    explicit FixedOctets(const layout::TriePattern& pattern);

    // Up to eight of them.
    [[nodiscard]] std::uint64_t values() const { return packed(values_); }
    [[nodiscard]] std::uint64_t masks() const { return packed(masks_); }

    // In lower case: so are octets that a pattern takes in any case, and of the others more are let through than need
    // be.
    [[nodiscard]] std::uint64_t key(std::size_t at, std::size_t size) const;
    // Whether so many from `at` on are known, but for their case.
    [[nodiscard]] bool are_known(std::size_t at, std::size_t size) const;

  private:
    using Octets = std::array<std::uint8_t, kFarthestKey + kShortestLong>;
    static std::uint64_t packed(const Octets& octets);

    Octets values_{};
    Octets masks_{};
    std::size_t count_ = 0;
};

// How many patterns have the octets of a key somewhere: what many have stands in many texts. (Of two keys that are
// counted as one the rarer seems to be more common.)
class SharedKeys {
  public:
    void add(const FixedOctets& octets);

    // Where so many keys of that size had best begin, side by side; nothing: nowhere are so many octets known.
    [[nodiscard]] std::optional<std::uint32_t> best(const FixedOctets& octets, std::size_t count,
                                                    std::size_t size) const;

  private:
    [[nodiscard]] std::uint32_t cost_of(std::uint64_t key, std::size_t size) const;

    static constexpr unsigned kBits = 18;
    static std::size_t index_of(std::uint64_t key, std::size_t size) {
        return (key * size * 0x9e3779b97f4a7c15ULL) >> (64 - kBits);
    }

    std::vector<std::uint32_t> counts_ = std::vector<std::uint32_t>(1U << kBits);
};

}  // namespace scanners::clamav
