// What is checked here are conditions without which libclamav finds no match, never all of them: where this says no, it
// has no effect on libclamav to look there; where it says yes, libclamav decides.
#include "scanners/clamav/trie_windows.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace scanners::clamav {
namespace {

using layout::TriePattern;

static_assert(std::endian::native == std::endian::little, "masks are made for the octets as they are loaded");

constexpr std::uint8_t kCaseBit = 0x20;
constexpr std::uint32_t kLowerCase = 0x20202020;
constexpr std::uint32_t kTwoOctets = 0xffff;
constexpr std::uint32_t kThreeOctets = 0xffffff;
constexpr std::uint32_t kFourOctets = 0xffffffff;
constexpr std::size_t kMasked = 8;

// libclamav looks up to two octets before some matches and two behind them: ends of lines, words and wide characters.
constexpr std::uint32_t kMargin = 4;

// Windows for each so many octets of a text: with more of them the whole is cheaper.
constexpr std::uint32_t kOctetsForWindow = 48;

std::uint16_t kind_of(std::uint16_t entry) {
    return entry & layout::kKind;
}

// Octets that may stand for an entry: those with these bits of it. 0: any, or it cannot be said.
std::uint8_t mask_of(std::uint16_t entry) {
    switch (kind_of(entry)) {
        case layout::kOctet:
            return 0xff;
        case layout::kAnyCase:
            return static_cast<std::uint8_t>(~kCaseBit);
        case layout::kHighNibble:
            return 0xf0;
        case layout::kLowNibble:
            return 0x0f;
        default:
            return 0;
    }
}

bool may_be(std::uint16_t entry, unsigned char octet) {
    return ((entry ^ octet) & mask_of(entry)) == 0;
}

// Of the first `depth` entries, which libclamav knows from its trie alone.
bool is_any_case(const TriePattern& pattern, std::size_t index) {
    return (pattern.options & layout::kOptionAnyCase) != 0 || kind_of(pattern.octets[index]) == layout::kAnyCase;
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

// `at` is its offset in the file, without the prefix.
bool may_be_at(const TriePattern& pattern, std::uint64_t at) {
    if (pattern.offset_data[0] != layout::kOffsetAbsolute || pattern.offset_min == layout::kOffsetAny ||
        (pattern.signature != 0 && pattern.part != 1))
        return true;
    const auto first = at - std::min<std::uint64_t>(at, pattern.prefix_length[2]);
    const auto last = at - std::min<std::uint64_t>(at, pattern.prefix_length[1]);
    return pattern.offset_max >= first && pattern.offset_min <= last;
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
        window.type = window.type || windows.back().type;
        windows.pop_back();
    }
    windows.push_back(window);
}

// libclamav takes the best type of those that it finds in one text: they have to be found in one window.
void join_types(std::vector<TrieWindows::Window>& windows) {
    const auto has_type = [](const TrieWindows::Window& window) { return window.type; };
    const auto first = std::find_if(windows.begin(), windows.end(), has_type);
    const auto behind = std::find_if(windows.rbegin(), windows.rend(), has_type).base();
    if (first == windows.end() || behind - first == 1)
        return;
    first->end = (behind - 1)->end;
    windows.erase(first + 1, behind);
}

}  // namespace

// Which signatures in parts have begun in this text, as far as it has been looked at.
class TrieWindows::Begun {
  public:
    Begun(std::size_t signatures, const layout::Seen* seen) : begun_(signatures + 1), seen_(seen) {}

    // A later part counts only after the first one. (That of one place does not come after that of the same place.)
    bool may_count(const TriePattern& pattern) {
        if (pattern.signature == 0)
            return true;
        if (pattern.part == 1)
            begun_[pattern.signature] = true;
        return begun_[pattern.signature] || seen_->parts == nullptr || seen_->parts[pattern.signature - 1] != nullptr;
    }

  private:
    std::vector<bool> begun_;
    const layout::Seen* seen_;
};

// A key of four octets is in lower case: so are those that a pattern takes in any case, and of the others more are let
// through than need be.
void TrieWindows::add(const TriePattern* pattern) {
    Entry entry{0, 0, 0, pattern};
    std::size_t fixed = 0;
    bool still = true;
    for (std::size_t i = 0; i < std::min<std::size_t>(kMasked, pattern->length[0]); ++i) {
        const auto octet = pattern->octets[i];
        if (kind_of(octet) == layout::kSpecial)
            break;
        auto mask = mask_of(octet);
        if (i < pattern->depth && is_any_case(*pattern, i))
            mask = static_cast<std::uint8_t>(~kCaseBit);
        entry.mask |= static_cast<std::uint64_t>(mask) << i * 8;
        entry.value |= static_cast<std::uint64_t>(octet & mask) << i * 8;
        still = still && (mask | kCaseBit) == 0xff;
        fixed += still ? 1U : 0U;
    }
    if (fixed >= 4) {
        entry.key = (entry.value & kFourOctets) | kLowerCase;
        four_.entries.push_back(entry);
    } else {
        add_keys(fixed == 3 ? three_ : two_, entry, 0, fixed);
    }
}

// Each way to write the first `count` octets.
void TrieWindows::add_keys(Group& group, Entry entry, std::size_t index, std::size_t count) {
    if (index == count) {
        group.entries.push_back(entry);
        return;
    }
    entry.key |= entry.value & 0xffULL << index * 8;
    add_keys(group, entry, index + 1, count);
    if ((entry.mask >> index * 8 & kCaseBit) == 0) {
        entry.key |= static_cast<std::uint64_t>(kCaseBit) << index * 8;
        add_keys(group, entry, index + 1, count);
    }
}

void TrieWindows::Group::make() {
    std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.key < b.key; });
    std::vector<std::uint64_t> all;
    for (const auto& entry : entries)
        all.push_back(entry.key);
    keys = KeyTable(std::move(all));
}

std::optional<TrieWindows> TrieWindows::make(std::span<const TriePattern* const> patterns) {
    if (patterns.size() > kMostPatterns || !std::all_of(patterns.begin(), patterns.end(), is_as_expected))
        return std::nullopt;
    TrieWindows made;
    for (const auto* pattern : patterns) {
        made.add(pattern);
        made.signatures_ = std::max<std::size_t>(made.signatures_, pattern->signature);
    }
    for (auto* group : {&made.two_, &made.three_, &made.four_})
        group->make();
    return made;
}

// False: too many windows.
bool TrieWindows::look_at(const Request& request, const Group& group, std::uint64_t key, std::uint32_t at, Begun& begun,
                          std::vector<Window>& windows) const {
    const bool eight = at + kMasked <= request.length;
    std::uint64_t octets = 0;
    if (eight)
        std::memcpy(&octets, request.text + at, sizeof octets);
    for (auto [index, last] = group.keys.find(key); index < last; ++index) {
        const auto& entry = group.entries[index];
        if ((!eight || (octets & entry.mask) == entry.value) && may_match(request, *entry.pattern, at, begun)) {
            add_window(windows, window_of(request, *entry.pattern, at));
            if (windows.size() > request.length / kOctetsForWindow + 1)
                return false;
        }
    }
    return true;
}

bool TrieWindows::may_match(const Request& request, const TriePattern& pattern, std::uint32_t at, Begun& begun) {
    return (pattern.type != 0 ? request.types : request.viruses) && at + pattern.length[1] <= request.length &&
           pattern.prefix_length[1] <= at && may_stand_behind(pattern, request.text, at, request.length) &&
           may_stand_before(pattern, request.text, at) &&
           may_be_at(pattern, static_cast<std::uint64_t>(request.offset) + at) && begun.may_count(pattern);
}

TrieWindows::Window TrieWindows::window_of(const Request& request, const TriePattern& pattern, std::uint32_t at) {
    auto before = most_octets(pattern.prefix_length);
    auto behind = most_octets(pattern.length);
    if (looks_around(pattern)) {
        before += pattern.near_max[0] + kMargin;
        behind += pattern.near_max[1] + kMargin;
    }
    return {at - std::min(at, before), std::min(at + behind, request.length),
            pattern.type != 0 && (pattern.signature == 0 || pattern.part == pattern.parts)};
}

bool TrieWindows::find(const Request& request, std::vector<Window>& windows) const {
    windows.clear();
    Begun begun(signatures_, request.seen);
    const auto look = [&](const Group& group, std::uint64_t key, std::uint32_t at) {
        return !group.keys.may_have(key) || look_at(request, group, key, at, begun, windows);
    };
    std::uint32_t at = 0;
    for (; at + sizeof(std::uint32_t) <= request.length; ++at) {
        std::uint32_t octets = 0;
        std::memcpy(&octets, request.text + at, sizeof octets);
        const std::uint64_t four = octets | kLowerCase;
        const std::uint64_t three = octets & kThreeOctets;
        const std::uint64_t two = octets & kTwoOctets;
        if (!four_.keys.may_have(four) && !three_.keys.may_have(three) && !two_.keys.may_have(two)) [[likely]]
            continue;
        if (!look(four_, four, at) || !look(three_, three, at) || !look(two_, two, at))
            return false;
    }
    // Shorter than the longest key. A pattern of four fixed octets cannot be there.
    for (; at + sizeof(std::uint16_t) <= request.length; ++at) {
        std::uint64_t octets = 0;
        std::memcpy(&octets, request.text + at, request.length - at);
        if ((at + 3 <= request.length && !look(three_, octets & kThreeOctets, at)) ||
            !look(two_, octets & kTwoOctets, at))
            return false;
    }
    join_types(windows);
    return true;
}

}  // namespace scanners::clamav
