// Any process, any thread; no state. Exact: the text, and how much is taken for it, is what libclamav makes of it.
#include "scanners/clamav/normalized_text.hpp"

#include <clamav.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/avx2.hpp"
#include "scanners/clamav/in_library.hpp"
#include "scanners/clamav/layout.hpp"

namespace scanners::clamav {
namespace {

using layout::Map;
using layout::NormalizedText;

constexpr std::size_t kBlock = sizeof(std::uint64_t);  // octets

static_assert(std::endian::native == std::endian::little, "the first octet of a text is a word's lowest");

constexpr unsigned char kNothing = 0;
constexpr unsigned char kBlank = ' ';  // one for all in a row

// What becomes of an octet. Those that are kept stand above a blank.
constexpr std::array<unsigned char, 256> kBecomes = [] {
    std::array<unsigned char, 256> becomes{};  // kNothing
    for (unsigned octet = 0x21; octet < 0x80; ++octet) {
        const bool capital = octet >= 'A' && octet <= 'Z';
        becomes[octet] = static_cast<unsigned char>(capital ? octet + 0x20 : octet);
    }
    for (const unsigned char octet : {' ', '\t', '\n', '\v', '\f', '\r'})
        becomes[octet] = kBlank;
    return becomes;
}();

constexpr std::uint64_t each(unsigned char octet) {
    return 0x0101010101010101U * octet;
}

// 0: all octets are kept.
std::uint64_t not_kept(std::uint64_t word) {
    return (((word - each(0x21)) & ~word) | word) & each(0x80);
}

// Of octets that are kept: others may become anything.
std::uint64_t to_lower(std::uint64_t word) {
    const auto low = word & each(0x7f);
    const auto from_a = low + each(0x80 - 'A');
    const auto behind_z = low + each(0x80 - 'Z' - 1);
    return word + (((from_a & ~behind_z) & each(0x80)) >> 2U);
}

#ifdef SANDWICH_AVX2
constexpr std::size_t kWide = sizeof(__m256i);  // octets

// By the bits of eight octets: where those that are kept stand among them, one after the other.
constexpr auto kPlaces = [] {
    std::array<std::array<unsigned char, 8>, 256> places{};
    for (unsigned bits = 0; bits < places.size(); ++bits) {
        std::size_t count = 0;
        for (unsigned char place = 0; place < 8; ++place) {
            if ((bits >> place & 1) != 0)
                places[bits][count++] = place;
        }
    }
    return places;
}();

// The lower eight of `octets`, of which `bits` says which are kept. Writes eight; returns how many count.
SANDWICH_AVX2 unsigned keep(unsigned char* out, __m128i octets, std::uint32_t bits) {
    const auto places = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(kPlaces[bits & 0xff].data()));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm_shuffle_epi8(octets, places));
    return static_cast<unsigned>(std::popcount(bits & 0xff));
}

// Takes kWide octets; there is room for as many. Returns how many were made.
SANDWICH_AVX2 std::size_t take_wide(unsigned char* out, const unsigned char* text, unsigned& after_blank) {
    const auto octets = base::wide_load(text);
    const auto capitals = base::wide_range(octets, 'A', 'Z');
    const auto white = _mm256_or_si256(base::wide_range(octets, kBlank, kBlank), base::wide_range(octets, '\t', '\r'));
    const auto small = _mm256_add_epi8(octets, _mm256_and_si256(capitals, base::wide_octets('a' - 'A')));
    const auto made = _mm256_blendv_epi8(small, base::wide_octets(kBlank), white);
    const std::uint64_t blanks = base::wide_bits(white);
    const std::uint64_t kept = base::wide_bits(base::wide_range(octets, kBlank + 1, 0x7f));
    // Places behind a blank, with nothing but octets between that become nothing: an addition carries through these.
    const auto nothing = ~(kept | blanks) & 0xffffffff;
    const auto next = blanks << 1U | after_blank;
    const auto behind = next | (((next & nothing) + nothing) ^ nothing);
    after_blank = static_cast<unsigned>(behind >> kWide & 1);
    const auto bits = static_cast<std::uint32_t>(kept | (blanks & ~behind));
    if (bits == 0xffffffff) {
        base::wide_store(out, made);
        return kWide;
    }
    const auto* const begin = out;
    const auto low = _mm256_castsi256_si128(made);
    const auto high = _mm256_extracti128_si256(made, 1);
    out += keep(out, low, bits);
    out += keep(out, _mm_unpackhi_epi64(low, low), bits >> 8U);
    out += keep(out, high, bits >> 16U);
    out += keep(out, _mm_unpackhi_epi64(high, high), bits >> 24U);
    return static_cast<std::size_t>(out - begin);
}
#else
constexpr std::size_t kWide = kBlock;

std::size_t take_wide(unsigned char* /*out*/, const unsigned char* /*text*/, unsigned& /*after_blank*/) {
    return 0;
}
#endif

// Returns how many octets of `text` were taken: all, unless there is no more room.
std::size_t normalize(NormalizedText& made, const unsigned char* text, std::size_t length) {
    auto* out = made.octets + made.size;
    const auto* const end = made.octets + made.room;
    const bool wide = base::has_avx2();
    unsigned after_blank = made.after_blank != 0 ? 1 : 0;
    std::size_t at = 0;
    // Without a branch: in octets of a picture none could be foretold.
    const auto take = [&](unsigned char octet) {
        const auto becomes = kBecomes[octet];
        const bool blank = becomes == kBlank;
        *out = becomes;
        out += static_cast<unsigned>(becomes != kNothing) & ~(static_cast<unsigned>(blank) & after_blank);
        after_blank = becomes == kNothing ? after_blank : static_cast<unsigned>(blank);
    };
    const auto has_both = [&](std::size_t octets) {
        return length - at >= octets && static_cast<std::size_t>(end - out) >= octets;
    };
    for (; wide && has_both(kWide); at += kWide)
        out += take_wide(out, text + at, after_blank);
    for (; has_both(kBlock); at += kBlock) {
        std::uint64_t word = 0;
        std::memcpy(&word, text + at, kBlock);
        if (not_kept(word) == 0) {
            word = to_lower(word);
            std::memcpy(out, &word, kBlock);
            out += kBlock;
            after_blank = 0;
        } else {
            for (std::size_t i = 0; i < kBlock; ++i)
                take(text[at + i]);
        }
    }
    for (; at < length && out < end; ++at)
        take(text[at]);
    made.size = static_cast<std::size_t>(out - made.octets);
    made.after_blank = after_blank;
    return at;
}

bool is_as_expected(const Map& map, const NormalizedText& made) {
    static const bool known = std::string_view(cl_retver()).starts_with(layout::kVersion);
    return known && layout::is_as_expected(map) && made.octets != nullptr && made.size <= made.room;
}

}  // namespace

void link_normalized_text() {}

}  // namespace scanners::clamav

using namespace scanners::clamav;

// A page at a time, from `offset` on, until the file ends or the room. What a page had left when the room ended is not
// taken up again, and that page counts with what was taken of it; so it is in libclamav.
extern "C" __attribute__((visibility("default"))) std::size_t text_normalize_map(layout::NormalizedText* made,
                                                                                 layout::Map* map, std::size_t offset) {
    static auto* const library = in_library<decltype(text_normalize_map)>("text_normalize_map");
    if (!is_as_expected(*map, *made))
        return library(made, map, offset);
    const std::size_t page = static_cast<unsigned>(map->page_size);
    std::size_t total = 0;
    while (true) {
        const auto length = std::min({page, map->length - offset, made->room - total});
        const auto* const text = length == 0 ? nullptr : map->need(map, offset, length, 0);
        if (text == nullptr)
            break;
        offset += length;
        const auto taken = normalize(*made, text, length);
        if (taken == 0)
            break;
        total += taken;
    }
    return total;
}
