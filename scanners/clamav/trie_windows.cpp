// What is checked here are conditions without which libclamav finds no match, never all of them: where this says no, it
// has no effect on libclamav to look there; where it says yes, libclamav decides.
#include "scanners/clamav/trie_windows.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <unordered_map>
#include <utility>

namespace scanners::clamav {
namespace {

using layout::TriePattern;

constexpr std::size_t kMasked = sizeof(std::uint64_t);

// Where in a block which key begins: bits, in the order of their places.
constexpr unsigned kLongAt0 = 1U << 0;
constexpr unsigned kMediumAt0 = 1U << 1;
constexpr unsigned kShortAt0 = 1U << 2;
constexpr unsigned kShortAt1 = 1U << 3;
constexpr unsigned kMediumAt2 = 1U << 4;
constexpr unsigned kShortAt2 = 1U << 5;
constexpr unsigned kShortAt3 = 1U << 6;

// Of a text; zeros behind its end.
std::uint64_t eight_at(const unsigned char* text, std::uint32_t length, std::uint32_t at) {
    std::uint64_t octets = 0;
    if (at + kMasked <= length) [[likely]]
        std::memcpy(&octets, text + at, sizeof octets);
    else if (at < length)
        std::memcpy(&octets, text + at, length - at);
    return octets;
}

// libclamav looks up to two octets before some matches and two behind them: ends of lines, words and wide characters.
constexpr std::uint32_t kMargin = 4;

// Windows for each so many octets of a text: with more of them the whole is cheaper.
constexpr std::uint32_t kOctetsForWindow = 48;

bool may_be(std::uint16_t entry, unsigned char octet) {
    return ((entry ^ octet) & mask_of(entry)) == 0;
}

bool is_as_expected(const TriePattern* pattern) {
    if (pattern == nullptr || pattern->octets == nullptr || pattern->depth < 2 || pattern->depth > 3 ||
        pattern->length[0] < pattern->depth || pattern->length[1] > pattern->length[2] ||
        pattern->prefix_length[1] > pattern->prefix_length[2] ||
        (pattern->prefix == nullptr && pattern->prefix_length[0] != 0) ||
        (pattern->signature != 0 && (pattern->part == 0 || pattern->part > pattern->parts)))
        return false;
    return std::all_of(pattern->octets, pattern->octets + pattern->depth, [](std::uint16_t entry) {
        return kind_of(entry) == layout::kOctet || kind_of(entry) == layout::kAnyCase;
    });
}

bool may_stand_behind(const TriePattern& pattern, const unsigned char* text, std::uint32_t at, std::uint32_t length) {
    for (std::uint32_t i = pattern.depth; i < pattern.length[0] && at + i < length; ++i) {
        if (kind_of(pattern.octets[i]) == layout::kSpecial)
            return true;
        if (!may_be(pattern.octets[i], text[at + i]))
            return false;
    }
    return true;
}

bool may_stand_before(const TriePattern& pattern, const unsigned char* text, std::uint32_t at) {
    for (std::uint32_t i = pattern.prefix_length[0]; i > 0 && at > 0; --i) {
        const auto entry = pattern.prefix[i - 1];
        if (kind_of(entry) == layout::kSpecial)
            return true;
        if (!may_be(entry, text[--at]))
            return false;
    }
    return true;
}

bool has_place(const TriePattern& pattern) {
    return pattern.offset_data[0] == layout::kOffsetAbsolute && pattern.offset_min != layout::kOffsetAny &&
           (pattern.signature == 0 || pattern.part == 1);
}

// `at` is its offset in the file, without the prefix.
bool may_be_at(const TriePattern& pattern, std::uint64_t at) {
    if (!has_place(pattern))
        return true;
    const auto first = at - std::min<std::uint64_t>(at, pattern.prefix_length[2]);
    const auto last = at - std::min<std::uint64_t>(at, pattern.prefix_length[1]);
    return pattern.offset_max >= first && pattern.offset_min <= last;
}

constexpr std::uint32_t kAnywhere = std::numeric_limits<std::uint32_t>::max();

// Of a key behind so many octets of it.
std::uint32_t last_place(const TriePattern& pattern, std::uint32_t before) {
    const auto last = std::uint64_t{pattern.offset_max} + pattern.prefix_length[2] + before;
    return has_place(pattern) ? static_cast<std::uint32_t>(std::min<std::uint64_t>(last, kAnywhere)) : kAnywhere;
}

std::uint32_t most_octets(const std::uint16_t (&length)[3]) {
    return *std::max_element(std::begin(length), std::end(length));
}

bool looks_around(const TriePattern& pattern) {
    const auto is_near = [](std::uint16_t entry) { return (entry & layout::kAny) == 0; };
    return pattern.boundary != 0 || pattern.special != 0 || is_near(pattern.near[0]) || is_near(pattern.near[1]);
}

void add_window(std::vector<TrieWindows::Window>& windows, TrieWindows::Window window) {
    while (!windows.empty() && window.begin <= windows.back().end) {
        window.begin = std::min(window.begin, windows.back().begin);
        window.end = std::max(window.end, windows.back().end);
        window.types = std::max(window.types, windows.back().types);
        windows.pop_back();
    }
    windows.push_back(window);
}

// Those types that libclamav weighs against what it has seen before have to be found in one window with it.
void join_types(std::vector<TrieWindows::Window>& windows) {
    using Types = TrieWindows::Types;
    const auto has_types = [](const TrieWindows::Window& window) { return window.types != Types::kNone; };
    if (std::none_of(windows.begin(), windows.end(), [](const auto& window) { return window.types == Types::kAny; }))
        return;
    const auto first = std::find_if(windows.begin(), windows.end(), has_types);
    const auto behind = std::find_if(windows.rbegin(), windows.rend(), has_types).base();
    first->types = Types::kAny;
    first->end = (behind - 1)->end;
    windows.erase(first + 1, behind);
}

TrieWindows::Types types_of(const TriePattern& pattern) {
    if (pattern.type == 0 || (pattern.signature != 0 && pattern.part != pattern.parts))
        return TrieWindows::Types::kNone;
    return pattern.type == layout::kTypeProgram || pattern.type == layout::kTypeBootRecord
               ? TrieWindows::Types::kAny
               : TrieWindows::Types::kOrdered;
}

}  // namespace

// How far signatures in parts have come in this text, as far as it has been looked at, and which need not be seen
// again.
class TrieWindows::Begun {
  public:
    Begun(std::size_t signatures, std::size_t patterns, const layout::Seen* seen)
        : parts_(signatures + 1), found_(patterns), seen_(seen) {}

    // Of a pattern of which it is enough to see it once: whether it is among the windows already, or libclamav saw it
    // in a text before this one.
    bool was_seen(std::uint32_t number, const TriePattern& pattern) const {
        const auto* const row = seen_->counts == nullptr ? nullptr : seen_->counts[pattern.logical[1]];
        return found_[number] || (row != nullptr && row[pattern.logical[2]] != 0);
    }
    void found(std::uint32_t number) { found_[number] = true; }

    // A later part counts only after the one before it. (That of one place does not come after that of the same place.)
    bool may_count(const TriePattern& pattern) {
        if (pattern.signature == 0)
            return true;
        auto& parts = parts_[pattern.signature];
        if (pattern.part > parts + 1U && !was_part_seen(pattern.signature, pattern.part - 1U))
            return false;
        parts = std::max(parts, pattern.part);
        return true;
    }

  private:
    bool was_part_seen(std::uint32_t signature, std::uint32_t part) const {
        if (seen_->parts == nullptr || seen_->parts[signature - 1] == nullptr)
            return false;
        return *static_cast<const std::uint32_t*>(seen_->parts[signature - 1][part - 1]) != 0;
    }

    std::vector<std::uint16_t> parts_;  // by signature: the highest that there may be
    std::vector<bool> found_;           // of each pattern
    const layout::Seen* seen_;
};

void TrieWindows::add(std::uint32_t number, const SharedKeys& shared) {
    const auto& pattern = *patterns_[number];
    const FixedOctets octets(pattern);
    const Entry entry{octets.masks(), octets.values(), last_place(pattern, 0), number & 0xffffff, 0};
    const auto add_keys = [&](Group& group, std::uint32_t first, std::uint32_t count, std::size_t size) {
        for (auto before = first; before < first + count; ++before) {
            auto one = entry;
            one.before = before & 0xff;
            one.last = last_place(pattern, before);
            group.added.emplace_back(octets.key(before, size), one);
        }
    };
    if (const auto at = shared.best(octets, kBlock, kLongKey))
        add_keys(long_, *at, kBlock, kLongKey);
    else if (const auto near = shared.best(octets, kHalf, kMediumKey))
        add_keys(medium_, *near, kHalf, kMediumKey);
    else
        add_short(entry, 0, 0);
}

// Each way to write its first octets.
void TrieWindows::add_short(const Entry& entry, std::uint64_t key, std::size_t index) {
    if (index == kShortKey) {
        short_.added.emplace_back(key, entry);
        short_firsts_[key / 32] |= 1U << key % 32;
        return;
    }
    key |= entry.value & 0xffULL << index * 8;
    add_short(entry, key, index + 1);
    if ((entry.mask >> index * 8 & kCaseBit) == 0)
        add_short(entry, key | std::uint64_t{kCaseBit} << index * 8, index + 1);
}

void TrieWindows::Group::make() {
    std::stable_sort(added.begin(), added.end(),
                     [](const auto& a, const auto& b) { return a.second.last > b.second.last; });
    std::vector<std::uint64_t> all;
    all.reserve(added.size());
    for (const auto& one : added)
        all.push_back(one.first);
    std::vector<std::uint32_t> order;
    keys = KeyTable(all, order);
    entries.reserve(order.size());
    for (const auto index : order)
        entries.push_back(added[index].second);
    added = {};
}

// libclamav keeps the places of the first part and looks, at each of the other, for one in the right distance. A first
// part behind which there is no other in that distance changes nothing, unless it is asked how often or where; or there
// are more parts, for then libclamav puts the places in another order at some of the second ones.
void TrieWindows::add_next(std::span<const TriePattern* const> patterns, const std::vector<bool>& presence) {
    constexpr std::uint32_t kFarthest = 512;
    next_.resize(patterns.size());
    std::unordered_map<std::uint32_t, const TriePattern*> others;
    for (const auto* pattern : patterns) {
        if (pattern->signature != 0 && pattern->part == 2 && !others.try_emplace(pattern->signature, pattern).second)
            others[pattern->signature] = nullptr;
    }
    for (std::uint32_t number = 0; number < presence.size(); ++number) {
        const auto& first = *patterns[number];
        const auto found = others.find(first.signature);
        if (!presence[number] || first.parts != 2 || first.part != 1 || found == others.end() ||
            found->second == nullptr)
            continue;
        const auto& other = *found->second;
        const auto farthest = std::uint64_t{first.length[2]} + other.max_distance + other.prefix_length[2];
        if (other.max_distance == 0 || farthest > kFarthest ||
            nexts_.size() == std::numeric_limits<std::uint16_t>::max())
            continue;
        const FixedOctets octets(other);
        nexts_.push_back({octets.masks(), octets.values(),
                          first.length[1] + other.min_distance + other.prefix_length[1],
                          static_cast<std::uint32_t>(farthest)});
        next_[number] = static_cast<std::uint16_t>(nexts_.size());
    }
}

std::optional<TrieWindows> TrieWindows::make(std::span<const TriePattern* const> patterns, const Asked& asked) {
    if (patterns.size() > kMostPatterns || !std::all_of(patterns.begin(), patterns.end(), is_as_expected))
        return std::nullopt;
    TrieWindows made;
    made.short_firsts_.resize((1U << kShortKey * 8) / 32);
    made.patterns_.assign(patterns.begin(), patterns.end());
    made.once_ = asked.once;
    made.once_.resize(patterns.size());
    made.add_next(patterns, asked.presence);
    SharedKeys shared;
    for (const auto* pattern : patterns)
        shared.add(FixedOctets(*pattern));
    for (std::uint32_t number = 0; number < patterns.size(); ++number) {
        made.add(number, shared);
        made.signatures_ = std::max<std::size_t>(made.signatures_, patterns[number]->signature);
    }
    for (auto* group : {&made.long_, &made.medium_, &made.short_})
        group->make();
    return made;
}

// False: too many windows. `place`: where the key stands.
bool TrieWindows::look_at(const Request& request, const Group& group, std::uint64_t key, std::uint32_t place,
                          Begun& begun, std::vector<Window>& windows) const {
    const auto [begin, end] = group.keys.with(key);
    for (auto index = begin; index < end; ++index) {
        const auto& entry = group.entries[index];
        if (entry.last != kAnywhere && entry.last < std::uint64_t{request.offset} + place)
            break;
        if (entry.before > place)
            continue;
        const auto at = place - entry.before;
        if ((eight_at(request.text, request.length, at) & entry.mask) != entry.value)
            continue;
        const auto& pattern = *patterns_[entry.number];
        if (!(once_[entry.number] && begun.was_seen(entry.number, pattern)) &&
            may_match(request, entry.number, at, begun)) {
            begun.found(entry.number);
            add_window(windows, window_of(request, pattern, at));
            if (windows.size() > request.length / kOctetsForWindow + 1)
                return false;
        }
    }
    return true;
}

bool TrieWindows::may_match(const Request& request, std::uint32_t number, std::uint32_t at, Begun& begun) const {
    const auto& pattern = *patterns_[number];
    return (pattern.type != 0 ? request.types : request.viruses) && at + pattern.length[1] <= request.length &&
           pattern.prefix_length[1] <= at && may_stand_behind(pattern, request.text, at, request.length) &&
           may_stand_before(pattern, request.text, at) &&
           may_be_at(pattern, static_cast<std::uint64_t>(request.offset) + at) && may_go_on(request, number, at) &&
           begun.may_count(pattern);
}

// Whether the other part may follow on the first of two, or begins where this text does not show it.
bool TrieWindows::may_go_on(const Request& request, std::uint32_t number, std::uint32_t at) const {
    if (next_[number] == 0)
        return true;
    const auto& next = nexts_[next_[number] - 1U];
    const auto farthest = std::uint64_t{at} + next.farthest;
    if (farthest + kMasked > request.length)
        return true;
    for (auto i = at + next.nearest; i <= farthest; ++i) {
        if ((next.mask & 0xff) == 0xff) {
            const auto* const first =
                std::memchr(request.text + i, static_cast<int>(next.value & 0xff), farthest - i + 1);
            if (first == nullptr)
                return false;
            i = static_cast<std::uint32_t>(static_cast<const unsigned char*>(first) - request.text);
        }
        if ((eight_at(request.text, request.length, i) & next.mask) == next.value)
            return true;
    }
    return false;
}

TrieWindows::Window TrieWindows::window_of(const Request& request, const TriePattern& pattern, std::uint32_t at) {
    auto before = most_octets(pattern.prefix_length);
    auto behind = most_octets(pattern.length);
    if (looks_around(pattern)) {
        before += pattern.near_max[0] + kMargin;
        behind += pattern.near_max[1] + kMargin;
    }
    return {at - std::min(at, before), std::min(at + behind, request.length), types_of(pattern)};
}

// Which keys may begin in a block, of which these are the octets and those behind it.
unsigned TrieWindows::keys_in(std::uint64_t octets) const {
    const auto lower = octets | kLowerCase;
    const auto medium = [&](std::uint32_t i) { return medium_.keys.may_have(first_of(lower >> i * 8, kMediumKey)); };
    const auto is_short = [&](std::uint32_t i) {
        const auto key = first_of(octets >> i * 8, kShortKey);
        return (short_firsts_[key / 32] >> key % 32 & 1) != 0;
    };
    return (long_.keys.may_have(first_of(lower, kLongKey)) ? kLongAt0 : 0) | (medium(0) ? kMediumAt0 : 0) |
           (is_short(0) ? kShortAt0 : 0) | (is_short(1) ? kShortAt1 : 0) | (medium(2) ? kMediumAt2 : 0) |
           (is_short(2) ? kShortAt2 : 0) | (is_short(3) ? kShortAt3 : 0);
}

#ifdef SANDWICH_AVX2
// keys_in() for eight blocks at a time, from `at` on as far as there are so many and room for what is found: up to
// `at`, then. Nothing is called in between, so that all that it needs stays in registers.
SANDWICH_AVX2 std::span<const TrieWindows::Block> TrieWindows::find_blocks(const Request& request, std::uint32_t& at,
                                                                           Blocks& blocks) const {
    const auto lower = _mm256_set1_epi32(static_cast<int>(first_of(kLowerCase, kLongKey)));
    const auto three = _mm256_set1_epi32((1 << kMediumKey * 8) - 1);
    const auto two = _mm256_set1_epi32((1 << kShortKey * 8) - 1);
    const auto* const shorts = short_firsts_.data();
    const KeyTable::Eight longs(long_.keys);
    const KeyTable::Eight mediums(medium_.keys);
    std::size_t count = 0;
    for (; at + (kEight + 1) * kBlock <= request.length && count + kEight <= blocks.size(); at += kEight * kBlock) {
        const auto first = base::wide_load(request.text + at);
        const auto half = base::wide_load(request.text + at + kHalf);
        const auto first_lower = _mm256_or_si256(first, lower);
        const auto long_at_0 = longs.may_have(first_lower);
        const auto medium_at_0 = mediums.may_have(_mm256_and_si256(first_lower, three));
        const auto medium_at_2 = mediums.may_have(_mm256_and_si256(_mm256_or_si256(half, lower), three));
        const auto short_at_0 = eight_bits(shorts, _mm256_and_si256(first, two));
        const auto short_at_1 = eight_bits(shorts, _mm256_and_si256(_mm256_srli_epi32(first, 8), two));
        const auto short_at_2 = eight_bits(shorts, _mm256_and_si256(half, two));
        const auto short_at_3 = eight_bits(shorts, _mm256_and_si256(_mm256_srli_epi32(half, 8), two));
        const auto any = _mm256_or_si256(
            _mm256_or_si256(_mm256_or_si256(long_at_0, medium_at_0), _mm256_or_si256(medium_at_2, short_at_0)),
            _mm256_or_si256(_mm256_or_si256(short_at_1, short_at_2), short_at_3));
        auto found = lowest_bits(any);
        if (found == 0)
            continue;
        alignas(32) std::uint32_t keys[kEight];
        _mm256_store_si256(
            reinterpret_cast<__m256i*>(keys),
            side_by_side({long_at_0, medium_at_0, short_at_0, short_at_1, medium_at_2, short_at_2, short_at_3}));
        for (; found != 0; found &= found - 1) {
            const auto block = static_cast<std::uint32_t>(std::countr_zero(found));
            blocks[count++] = {at + block * kBlock, keys[block]};
        }
    }
    return {blocks.data(), count};
}
#else
std::span<const TrieWindows::Block> TrieWindows::find_blocks(const Request& /*request*/, std::uint32_t& /*at*/,
                                                             Blocks& /*blocks*/) const {
    return {};
}
#endif

// In the order of the keys' places: a later part of a signature comes behind the whole of an earlier one, so its key
// does, too.
bool TrieWindows::look_at_block(const Request& request, std::uint32_t at, unsigned keys, Begun& begun,
                                std::vector<Window>& windows) const {
    const auto octets = eight_at(request.text, request.length, at);
    const auto look = [&](unsigned which, const Group& group, std::size_t size, std::uint32_t i, std::uint64_t in) {
        return (keys & which) == 0 || look_at(request, group, first_of(in >> i * 8, size), at + i, begun, windows);
    };
    const auto lower = octets | kLowerCase;
    return look(kLongAt0, long_, kLongKey, 0, lower) && look(kMediumAt0, medium_, kMediumKey, 0, lower) &&
           look(kShortAt0, short_, kShortKey, 0, octets) && look(kShortAt1, short_, kShortKey, 1, octets) &&
           look(kMediumAt2, medium_, kMediumKey, 2, lower) && look(kShortAt2, short_, kShortKey, 2, octets) &&
           look(kShortAt3, short_, kShortKey, 3, octets);
}

bool TrieWindows::find(const Request& request, std::vector<Window>& windows, bool eight) const {
    windows.clear();
    Begun begun(signatures_, patterns_.size(), request.seen);
    std::uint32_t at = 0;
    Blocks room;
    for (auto blocks = eight ? find_blocks(request, at, room) : std::span<const Block>(); !blocks.empty();
         blocks = find_blocks(request, at, room)) {
        for (const auto& block : blocks) {
            if (!look_at_block(request, block.at, block.keys, begun, windows))
                return false;
        }
    }
    for (; at < request.length; at += kBlock) {
        const auto keys = keys_in(eight_at(request.text, request.length, at));
        if (keys != 0 && !look_at_block(request, at, keys, begun, windows))
            return false;
    }
    join_types(windows);
    return true;
}

}  // namespace scanners::clamav
