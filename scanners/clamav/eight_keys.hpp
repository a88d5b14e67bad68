// Eight places of a text looked at at once, where the processor can (AVX2, which nearly all of those for servers have
// had since 2013). It is asked while the program runs: one binary serves all, and without it every look is at one
// place.
//
// A function that does this is marked SANDWICH_EIGHT_KEYS and called only if can_look_at_eight().
#pragma once

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#define SANDWICH_EIGHT_KEYS __attribute__((target("avx2")))
#endif

namespace scanners::clamav {

#ifdef SANDWICH_EIGHT_KEYS

inline bool can_look_at_eight() {
    static const bool can = __builtin_cpu_supports("avx2") != 0;
    return can;
}

constexpr std::size_t kEight = 8;

// From octets on of which 32 are there: four for each lane.
SANDWICH_EIGHT_KEYS inline __m256i eight_words_at(const void* octets) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(octets));
}

// Of a table: those at eight indices.
SANDWICH_EIGHT_KEYS inline __m256i eight_words(const std::uint32_t* table, __m256i index) {
    return _mm256_i32gather_epi32(reinterpret_cast<const int*>(table), index, 4);
}

// Of a table of bits: those at eight indices, as the lowest bit of each lane.
SANDWICH_EIGHT_KEYS inline __m256i eight_bits(const std::uint32_t* table, __m256i index) {
    return _mm256_srlv_epi32(eight_words(table, _mm256_srli_epi32(index, 5)),
                             _mm256_and_si256(index, _mm256_set1_epi32(31)));
}

// The lowest bits of the lanes, side by side.
SANDWICH_EIGHT_KEYS inline unsigned lowest_bits(__m256i lanes) {
    return static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_slli_epi32(lanes, 31))));
}

// The lowest bits of lanes in one: bit i of each lane is of the i-th.
template <std::size_t kCount>
SANDWICH_EIGHT_KEYS inline __m256i side_by_side(const __m256i (&all)[kCount]) {
    auto made = _mm256_setzero_si256();
    for (std::size_t i = 0; i < kCount; ++i)
        made = _mm256_or_si256(made,
                               _mm256_slli_epi32(_mm256_and_si256(all[i], _mm256_set1_epi32(1)), static_cast<int>(i)));
    return made;
}

#else

inline bool can_look_at_eight() {
    return false;
}

#endif

}  // namespace scanners::clamav
