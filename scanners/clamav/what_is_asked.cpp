#include "scanners/clamav/what_is_asked.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace scanners::clamav {
namespace {

using layout::LogicalSignature;
using layout::Matcher;
using layout::TriePattern;

bool is_part(const TriePattern* pattern, const Matcher& matcher) {
    return pattern != nullptr && pattern->logical[0] != 0 && pattern->logical[1] < matcher.logical &&
           pattern->logical[2] < layout::kMaxParts;
}

// "0&(1|2)": whether each part was there, and nothing else. `parts`: those that patterns of the trie are, as bits.
// Other parts (regular expressions, comparisons of octets, macros) look at where, or how often, these were seen.
bool asks_for_presence(std::string_view expression, std::uint64_t parts) {
    std::size_t at = 0;
    while (at < expression.size()) {
        if (std::string_view("&|()").find(expression[at]) != std::string_view::npos) {
            ++at;
            continue;
        }
        std::size_t part = 0;
        const auto begin = at;
        for (; at < expression.size() && expression[at] >= '0' && expression[at] <= '9'; ++at)
            part = std::min<std::size_t>(part * 10 + static_cast<std::size_t>(expression[at] - '0'), layout::kMaxParts);
        if (at == begin || part == layout::kMaxParts || (parts >> part & 1) == 0)
            return false;
    }
    return true;
}

// A bytecode is told the counts.
bool asks_for_presence(const LogicalSignature* signature, std::uint32_t number, std::uint64_t parts) {
    return signature != nullptr && signature->number == number && signature->kind == layout::kNormalKind &&
           signature->bytecode == 0 && signature->expression != nullptr &&
           asks_for_presence(signature->expression, parts);
}

bool is_for_any_place(const TriePattern& pattern) {
    return pattern.offset_data[0] == layout::kOffsetAny && pattern.offset_min == layout::kOffsetAny;
}

// Else libclamav keeps the last place of it for others to look at (macros), or takes it from the file.
bool has_plain_place(const TriePattern& pattern) {
    return pattern.offset_data[0] == layout::kOffsetAny || pattern.offset_data[0] == layout::kOffsetAbsolute;
}

// A signature of its own, for a virus: where libclamav sees the whole of it, it is found.
bool is_found_once(const TriePattern& pattern) {
    return pattern.logical[0] == 0 && pattern.type == 0 && pattern.custom == nullptr && has_plain_place(pattern);
}

// Nothing but octets, anywhere.
bool is_plain(const TriePattern& pattern) {
    const auto is_near = [](std::uint16_t entry) { return (entry & layout::kAny) == 0; };
    return pattern.signature == 0 && pattern.type == 0 && pattern.special == 0 && pattern.boundary == 0 &&
           pattern.options == 0 && !is_near(pattern.near[0]) && !is_near(pattern.near[1]) &&
           pattern.prefix_length[0] == 0 && is_for_any_place(pattern) &&
           std::all_of(pattern.octets, pattern.octets + pattern.length[0],
                       [](std::uint16_t entry) { return (entry & layout::kKind) == layout::kOctet; });
}

}  // namespace

Asked what_is_asked(const Matcher& matcher) {
    Asked asked{std::vector<bool>(matcher.trie_patterns), std::vector<bool>(matcher.trie_patterns)};
    if (matcher.patterns == nullptr || matcher.logical_table == nullptr)
        return asked;
    std::vector<std::uint64_t> parts(matcher.logical);
    for (std::uint32_t i = 0; i < matcher.trie_patterns; ++i)
        if (const auto* const pattern = matcher.patterns[i]; is_part(pattern, matcher))
            parts[pattern->logical[1]] |= std::uint64_t{1} << pattern->logical[2];
    std::vector<bool> asking(matcher.logical);
    for (std::uint32_t i = 0; i < matcher.logical; ++i)
        asking[i] = asks_for_presence(matcher.logical_table[i], i, parts[i]);
    for (std::uint32_t i = 0; i < matcher.trie_patterns; ++i) {
        const auto* const pattern = matcher.patterns[i];
        const bool present = is_part(pattern, matcher) && pattern->type == 0 && asking[pattern->logical[1]];
        asked.once[i] = present && is_plain(*pattern);
        asked.presence[i] = present ? has_plain_place(*pattern) : pattern != nullptr && is_found_once(*pattern);
    }
    return asked;
}

}  // namespace scanners::clamav
