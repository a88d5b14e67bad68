// KeyTable: which of many entries have a key. That there are none, which is so for nearly all octets of a text, is said
// after one look at a few bits: of one key, or of eight at once (eight_keys.hpp). Made once, then only read.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "scanners/clamav/eight_keys.hpp"

namespace scanners::clamav {

class KeyTable {
  public:
    struct Range {
        std::uint32_t begin;
        std::uint32_t end;
    };

    KeyTable() = default;

    // Of each entry. `order` is set to their numbers as they are to be kept: those of one bucket side by side,
    // otherwise as they were.
    KeyTable(std::span<const std::uint64_t> keys, std::vector<std::uint32_t>& order) {
        const auto width = static_cast<unsigned>(std::bit_width(keys.size() * kBitsForEach / 32));
        shift_ = 32 - std::clamp(width, kFewestWords, kMostWords);
        words_.assign(1ULL << (32 - shift_), 0);
        bucket_shift_ = 32 - static_cast<unsigned>(std::bit_width(std::bit_floor(keys.size() | 2) - 1));
        firsts_.assign((1ULL << (32 - bucket_shift_)) + 1, 0);
        for (const auto key : keys) {
            words_[spread(key) >> shift_] |= bits_of(key);
            ++firsts_[bucket_of(key) + 1];
        }
        for (std::size_t i = 1; i < firsts_.size(); ++i)
            firsts_[i] += firsts_[i - 1];
        auto next = firsts_;
        order.resize(keys.size());
        for (std::size_t i = 0; i < keys.size(); ++i)
            order[next[bucket_of(keys[i])]++] = static_cast<std::uint32_t>(i);
    }

    // False for nearly all keys that are not there.
    bool may_have(std::uint64_t key) const { return (~words_[spread(key) >> shift_] & bits_of(key)) == 0; }

#ifdef SANDWICH_AVX2
    // May have each of eight keys? Lives no longer than the table. The answer is the lowest bit of each lane.
    class Eight {
      public:
        SANDWICH_AVX2 explicit Eight(const KeyTable& table)
            : words_(table.words_.data()), shift_(_mm_cvtsi32_si128(static_cast<int>(table.shift_ - 10))) {}

        // By their lower and upper halves.
        SANDWICH_AVX2 __m256i may_have(__m256i low, __m256i high) const {
            return may_have_spread(
                _mm256_add_epi32(_mm256_mullo_epi32(low, _mm256_set1_epi32(static_cast<int>(kLow))),
                                 _mm256_mullo_epi32(high, _mm256_set1_epi32(static_cast<int>(kHigh)))));
        }
        // Of keys without upper halves.
        SANDWICH_AVX2 __m256i may_have(__m256i low) const {
            return may_have_spread(_mm256_mullo_epi32(low, _mm256_set1_epi32(static_cast<int>(kLow))));
        }

      private:
        SANDWICH_AVX2 __m256i may_have_spread(__m256i spread) const {
            const auto places = _mm256_srl_epi32(spread, shift_);
            const auto last = _mm256_set1_epi32(31);
            const auto words = eight_words(words_, _mm256_srli_epi32(places, 10));
            return _mm256_and_si256(_mm256_srlv_epi32(words, _mm256_and_si256(_mm256_srli_epi32(places, 5), last)),
                                    _mm256_srlv_epi32(words, _mm256_and_si256(places, last)));
        }

        const std::uint32_t* words_;
        __m128i shift_;
    };
#endif

    // The entries of its bucket, in their order: those with the key, and perhaps a few others.
    Range with(std::uint64_t key) const {
        return {firsts_[bucket_of(key)], firsts_[bucket_of(key) + 1]};
    }

  private:
    // A key has two bits of one word of the table. One of some hundred keys that are not there seems to be.
    static constexpr std::size_t kBitsForEach = 32;
    static constexpr unsigned kFewestWords = 5;  // log2
    static constexpr unsigned kMostWords = 17;   // log2: 512 KiB

    // Multiplied by odd numbers near the golden ratio, the upper bits depend on all octets; in halves, so that eight
    // keys have room side by side.
    static constexpr std::uint32_t kLow = 0x9e3779b1U;
    static constexpr std::uint32_t kHigh = 0x85ebca77U;

    static std::uint32_t spread(std::uint64_t key) {
        return static_cast<std::uint32_t>(key) * kLow + static_cast<std::uint32_t>(key >> 32) * kHigh;
    }
    // Those below the word's number.
    std::uint32_t bits_of(std::uint64_t key) const {
        return 1U << (spread(key) >> (shift_ - 5)) % 32 | 1U << (spread(key) >> (shift_ - 10)) % 32;
    }
    std::uint32_t bucket_of(std::uint64_t key) const {
        return spread(key) >> bucket_shift_;
    }

    std::vector<std::uint32_t> words_;
    std::vector<std::uint32_t> firsts_;  // by bucket_of(): its first entry; and their number
    unsigned shift_ = 0;
    unsigned bucket_shift_ = 0;
};

}  // namespace scanners::clamav
