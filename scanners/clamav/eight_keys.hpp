// Eight places of a text looked at at once, where the processor can. Without that every look is at one place.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/avx2.hpp"

namespace scanners::clamav {

#ifdef SANDWICH_AVX2

constexpr std::size_t kEight = 8;

// Of a table: those at eight indices.
SANDWICH_AVX2 inline __m256i eight_words(const std::uint32_t* table, __m256i index) {
    return _mm256_i32gather_epi32(reinterpret_cast<const int*>(table), index, 4);
}

// Of a table of bits: those at eight indices, as the lowest bit of each lane.
SANDWICH_AVX2 inline __m256i eight_bits(const std::uint32_t* table, __m256i index) {
    return _mm256_srlv_epi32(eight_words(table, _mm256_srli_epi32(index, 5)),
                             _mm256_and_si256(index, _mm256_set1_epi32(31)));
}

// The lowest bits of the lanes, side by side.
SANDWICH_AVX2 inline unsigned lowest_bits(__m256i lanes) {
    return static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_slli_epi32(lanes, 31))));
}

// The lowest bits of lanes in one: bit i of each lane is of the i-th.
template <std::size_t kCount>
SANDWICH_AVX2 inline __m256i side_by_side(const __m256i (&all)[kCount]) {
    auto made = _mm256_setzero_si256();
    for (std::size_t i = 0; i < kCount; ++i)
        made = _mm256_or_si256(made,
                               _mm256_slli_epi32(_mm256_and_si256(all[i], _mm256_set1_epi32(1)), static_cast<int>(i)));
    return made;
}

#endif

}  // namespace scanners::clamav
