#include "scanners/clamav/pattern_keys.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace scanners::clamav {
namespace {

using layout::TriePattern;

static_assert(std::endian::native == std::endian::little, "masks are made for the octets as they are loaded");

// Blanks, lines of dashes, zeros: files are full of them.
constexpr std::uint32_t kCostOfRows = 1000;

// Of the first `depth` entries, which libclamav knows from its trie alone.
bool is_any_case(const TriePattern& pattern, std::size_t index) {
    return (pattern.options & layout::kOptionAnyCase) != 0 || kind_of(pattern.octets[index]) == layout::kAnyCase;
}

}  // namespace

FixedOctets::FixedOctets(const TriePattern& pattern) {
    const auto most = std::min<std::size_t>(pattern.length[0], masks_.size());
    for (; count_ < most && kind_of(pattern.octets[count_]) != layout::kSpecial; ++count_) {
        const auto octet = pattern.octets[count_];
        const bool any_case = count_ < pattern.depth && is_any_case(pattern, count_);
        masks_[count_] = any_case ? static_cast<std::uint8_t>(~kCaseBit) : mask_of(octet);
        values_[count_] = static_cast<std::uint8_t>(octet & masks_[count_]);
    }
}

std::uint64_t FixedOctets::packed(const Octets& octets) {
    std::uint64_t made = 0;
    std::memcpy(&made, octets.data(), sizeof made);
    return made;
}

std::uint64_t FixedOctets::key(std::size_t at, std::size_t size) const {
    std::uint64_t octets = 0;
    std::memcpy(&octets, values_.data() + at, size);
    return octets | first_of(kLowerCase, size);
}

bool FixedOctets::are_known(std::size_t at, std::size_t size) const {
    return at + size <= count_ && std::all_of(masks_.begin() + at, masks_.begin() + at + size,
                                              [](std::uint8_t mask) { return (mask | kCaseBit) == 0xff; });
}

void SharedKeys::add(const FixedOctets& octets) {
    for (const auto size : {kMediumKey, kLongKey}) {
        for (std::size_t at = 0; at < kFarthestKey + kBlock; ++at) {
            if (octets.are_known(at, size))
                ++counts_[index_of(octets.key(at, size), size)];
        }
    }
}

std::optional<std::uint32_t> SharedKeys::best(const FixedOctets& octets, std::size_t count, std::size_t size) const {
    std::optional<std::uint32_t> found;
    std::uint32_t least = 0;
    for (std::size_t at = 0; at <= kFarthestKey; ++at) {
        if (!octets.are_known(at, size + count - 1))
            continue;
        std::uint32_t cost = 0;
        for (std::size_t i = 0; i < count; ++i)
            cost += cost_of(octets.key(at + i, size), size);
        if (!found || cost < least) {
            found = static_cast<std::uint32_t>(at);
            least = cost;
        }
    }
    return found;
}

std::uint32_t SharedKeys::cost_of(std::uint64_t key, std::size_t size) const {
    const bool is_row = key == first_of((key & 0xff) * 0x0101010101010101, size);
    return counts_[index_of(key, size)] + (is_row ? kCostOfRows : 0);
}

}  // namespace scanners::clamav
