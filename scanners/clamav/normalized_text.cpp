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

// As many octets of `text` as are kept, up to `most`, in steps that the processor takes at once. Returns how many.
#ifdef SANDWICH_AVX2
SANDWICH_AVX2 std::size_t keep_wide(unsigned char* out, const unsigned char* text, std::size_t most) {
    constexpr std::size_t kStep = sizeof(__m256i);
    std::size_t at = 0;
    for (; at + kStep <= most; at += kStep) {
        const auto octets = base::wide_load(text + at);
        if (!base::is_wide_all(base::wide_range(octets, kBlank + 1, 0x7f)))
            break;
        const auto capitals = base::wide_range(octets, 'A', 'Z');
        base::wide_store(out + at, _mm256_add_epi8(octets, _mm256_and_si256(capitals, base::wide_octets('a' - 'A'))));
    }
    return at;
}
#else
std::size_t keep_wide(unsigned char* /*out*/, const unsigned char* /*text*/, std::size_t /*most*/) {
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
    for (; length - at >= kBlock && static_cast<std::size_t>(end - out) >= kBlock; at += kBlock) {
        std::uint64_t word = 0;
        std::memcpy(&word, text + at, kBlock);
        if (not_kept(word) == 0) {
            word = to_lower(word);
            std::memcpy(out, &word, kBlock);
            out += kBlock;
            after_blank = 0;
            if (wide) {
                const auto behind = at + kBlock;
                const auto kept =
                    keep_wide(out, text + behind, std::min(length - behind, static_cast<std::size_t>(end - out)));
                out += kept;
                at += kept;
            }
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
    return known && map.page_size > 0 && map.need != nullptr && map.nested_end == map.nested_offset + map.length &&
           made.octets != nullptr && made.size <= made.room;
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
