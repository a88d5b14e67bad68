// Thirty-two octets in one step, where the processor can (AVX2, which nearly all of those for servers have had since
// 2013). It is asked while the program runs: one binary serves all.
//
// A function that does this is marked SANDWICH_AVX2 and called only if has_avx2(). Where the mark is not defined nobody
// can, and there is none.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#include <cstdint>

#define SANDWICH_AVX2 __attribute__((target("avx2")))
#endif

namespace base {

inline bool has_avx2() {
#ifdef SANDWICH_AVX2
    static const bool has = __builtin_cpu_supports("avx2") != 0;
    return has;
#else
    return false;
#endif
}

#ifdef SANDWICH_AVX2

SANDWICH_AVX2 inline __m256i wide_load(const void* octets) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(octets));
}
SANDWICH_AVX2 inline void wide_store(void* out, __m256i octets) {
    _mm256_storeu_si256(static_cast<__m256i*>(out), octets);
}

SANDWICH_AVX2 inline __m256i wide_octets(int each) {
    return _mm256_set1_epi8(static_cast<char>(each));
}

// 0xff where an octet is one of these, which are ASCII; else 0.
SANDWICH_AVX2 inline __m256i wide_range(__m256i octets, int first, int last) {
    return _mm256_andnot_si256(_mm256_cmpgt_epi8(octets, wide_octets(last)),
                               _mm256_cmpgt_epi8(octets, wide_octets(first - 1)));
}

// A bit for each octet of a range.
SANDWICH_AVX2 inline std::uint32_t wide_bits(__m256i range) {
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(range));
}

#endif

}  // namespace base
