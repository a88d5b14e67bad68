// KeyTable: where among entries, in a certain order, those with a key are. That there are none, which is so for nearly
// all octets of a text, is said after one look at a few bits. Made once, then only read.
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
    // The entries are in ascending order of it. Another one for each key, spread evenly: multiplied by an odd number
    // near the golden ratio, the upper bits depend on all octets.
    static constexpr std::uint64_t rank(std::uint64_t key) { return key * 0x9e3779b97f4a7c15ULL; }

    KeyTable() : KeyTable(std::vector<std::uint64_t>{}) {}

    // Of each entry, in their order.
    explicit KeyTable(std::vector<std::uint64_t> keys) : ranks_(std::move(keys)) {
        for (auto& key : ranks_)
            key = rank(key);
        const auto wanted = static_cast<unsigned>(std::bit_width(ranks_.size() * kBitsForEach));
        const auto width = std::clamp(wanted, kFewestBits, kMostBits);
        shift_ = 64 - width;
        bits_.assign((1ULL << width) / 64, 0);
        for (const auto one : ranks_)
            bits_[(one >> shift_) / 64] |= 1ULL << (one >> shift_) % 64;
        const auto buckets = std::max<std::size_t>(std::bit_floor(ranks_.size()), 2);
        bucket_shift_ = 64 - static_cast<unsigned>(std::bit_width(buckets - 1));
        firsts_.reserve(buckets);
        for (std::uint64_t bucket = 0; bucket < buckets; ++bucket)
            firsts_.push_back(static_cast<std::uint32_t>(
                std::lower_bound(ranks_.begin(), ranks_.end(), bucket << bucket_shift_) - ranks_.begin()));
    }

    // False for nearly all keys that are not there.
    bool may_have(std::uint64_t key) const {
        const auto hash = rank(key) >> shift_;
        return (bits_[hash / 64] >> hash % 64 & 1) != 0;
    }

    // The first entry with the key, if there is one: the others follow.
    std::size_t first(std::uint64_t key) const {
        std::size_t index = firsts_[rank(key) >> bucket_shift_];
        while (index < ranks_.size() && ranks_[index] < rank(key))
            ++index;
        return index;
    }
    bool is_at(std::uint64_t key, std::size_t index) const {
        return index < ranks_.size() && ranks_[index] == rank(key);
    }

  private:
    // One of so many keys that are not there seems to be.
    static constexpr std::size_t kBitsForEach = 64;
    static constexpr unsigned kFewestBits = 10;  // log2
    static constexpr unsigned kMostBits = 23;    // log2: 1 MiB

    std::vector<std::uint64_t> ranks_;   // of the entries
    std::vector<std::uint64_t> bits_;    // by the upper bits of a rank
    std::vector<std::uint32_t> firsts_;  // the first entry of each bucket, which is known by fewer of these bits
    unsigned shift_ = 0;
    unsigned bucket_shift_ = 0;
};

}  // namespace scanners::clamav
