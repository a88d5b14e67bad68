#include "mail/mime/lines.hpp"

#include <bit>

#include "base/avx2.hpp"

namespace mail::mime {

// As far as the processor takes 32 octets in one step: up to `at`, then.
#ifdef SANDWICH_AVX2
SANDWICH_AVX2 std::size_t LinesWith::find_wide(std::string_view text, std::size_t& at) const {
    constexpr std::size_t kStep = sizeof(__m256i);
    const auto end = base::wide_octets('\n');
    const auto half = base::wide_octets(0x0f);
    const auto none = _mm256_setzero_si256();
    const auto halves = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(halves_.data())));
    const auto upper = _mm256_broadcastsi128_si256(_mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0));
    for (; at + kStep < text.size(); at += kStep) {
        const auto octets = base::wide_load(text.data() + at);
        const auto next = base::wide_load(text.data() + at + 1);
        const auto first =
            _mm256_and_si256(_mm256_shuffle_epi8(halves, _mm256_and_si256(next, half)),
                             _mm256_shuffle_epi8(upper, _mm256_and_si256(_mm256_srli_epi16(next, 4), half)));
        const auto found =
            base::wide_bits(_mm256_andnot_si256(_mm256_cmpeq_epi8(first, none), _mm256_cmpeq_epi8(octets, end)));
        if (found != 0)
            return at + static_cast<std::size_t>(std::countr_zero(found)) + 1;
    }
    return std::string_view::npos;
}
#else
std::size_t LinesWith::find_wide(std::string_view /*text*/, std::size_t& /*at*/) const {
    return std::string_view::npos;
}
#endif

std::size_t LinesWith::find(std::string_view text, std::size_t at) const {
    if (at < text.size() && is_first(text[at]))
        return at;
    if (base::has_avx2())
        if (const auto found = find_wide(text, at); found != std::string_view::npos)
            return found;
    for (at = text.find('\n', at); at != std::string_view::npos; at = text.find('\n', at)) {
        if (++at < text.size() && is_first(text[at]))
            return at;
    }
    return text.size();
}

}  // namespace mail::mime
