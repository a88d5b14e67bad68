// Zygote and workers: one thread loads, then all is only read.
#include "scanners/clamav/matchers.hpp"

#include <clamav.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "scanners/clamav/in_library.hpp"
#include "scanners/clamav/layout.hpp"
#include "scanners/clamav/plain_strings.hpp"
#include "scanners/clamav/trie_windows.hpp"
#include "scanners/clamav/unseen_signatures.hpp"
#include "scanners/clamav/what_is_asked.hpp"

namespace scanners::clamav {
namespace {

using layout::Matcher;
using layout::PlainPattern;

constexpr unsigned kPlainHashes = 211 * 255 + 37 * 255 + 255 + 1;
constexpr unsigned kAskedForViruses = 1;
constexpr unsigned kAskedForTypes = 2;
// libclamav takes no notice of the end of a word or line at the end of a pattern in texts that are longer than this.
constexpr std::uint32_t kLongestText = 131072;

// What is known of one of libclamav's matchers.
struct Prepared {
    std::uint32_t plain_count = 0;
    std::uint32_t trie_count = 0;
    std::optional<PlainStrings> plain;
    std::optional<TrieWindows> trie;
    const void* filter = nullptr;  // libclamav's, taken away
};

// By address: those that libclamav has made and not freed. Nothing in it: not prepared.
std::unordered_map<const Matcher*, std::unique_ptr<Prepared>>& matchers() {
    static std::unordered_map<const Matcher*, std::unique_ptr<Prepared>> all;
    return all;
}

const Prepared* prepared(const Matcher* matcher) {
    const auto found = matchers().find(matcher);
    return found == matchers().end() ? nullptr : found->second.get();
}

unsigned plain_hash(const unsigned char* octets) {
    return 211U * octets[0] + 37U * octets[1] + octets[2];
}

bool is_as_expected(const PlainPattern& pattern, unsigned hash) {
    return pattern.octets != nullptr && pattern.length >= 3 && plain_hash(pattern.octets) == hash &&
           pattern.first == pattern.octets[0] && (pattern.prefix_length == 0) == (pattern.prefix == nullptr) &&
           (pattern.prefix == nullptr || pattern.prefix + pattern.prefix_length == pattern.octets);
}

// With what stands before it in one piece.
std::string_view whole(const PlainPattern& pattern) {
    const auto* const begin = pattern.prefix != nullptr ? pattern.prefix : pattern.octets;
    return {reinterpret_cast<const char*>(begin), static_cast<std::size_t>(pattern.prefix_length) + pattern.length};
}

// Nothing: not as expected, or too short to be looked for.
std::optional<PlainStrings> prepare_plain(const Matcher& matcher) {
    std::vector<std::string_view> strings;
    for (unsigned hash = 0; hash < kPlainHashes; ++hash) {
        if ((matcher.lists[hash] != nullptr) != (matcher.shift[hash] == 0))
            return std::nullopt;
        for (const auto* pattern = matcher.lists[hash]; pattern != nullptr; pattern = pattern->next) {
            if (!is_as_expected(*pattern, hash) || strings.size() == matcher.plain_patterns ||
                whole(*pattern).size() < PlainStrings::kShortest)
                return std::nullopt;
            strings.push_back(whole(*pattern));
        }
    }
    if (strings.size() != matcher.plain_patterns)
        return std::nullopt;
    return PlainStrings(strings);
}

// libclamav's filter goes through a text octet by octet before its matchers do, to say which of it they may leave out:
// where they are ours, that takes longer than they do.
void take_filter(const Matcher& matcher, Prepared& known) {
    const bool all_ours = (known.plain || matcher.plain_patterns == 0) && (known.trie || matcher.trie_patterns == 0);
    if (all_ours && base::has_avx2())
        std::swap(known.filter, matcher.filter);
}

std::optional<TrieWindows> prepare_trie(const Matcher& matcher) {
    if (matcher.patterns == nullptr || matcher.trie == nullptr || matcher.min_depth != 2 || matcher.max_depth != 3)
        return std::nullopt;
    return TrieWindows::make({matcher.patterns, matcher.trie_patterns}, what_is_asked(matcher));
}

// Of what a text says that a file is, what libclamav takes.
int better_type(int before, int now) {
    return now > before || now >= layout::kFirstInside ? now : before;
}

using Init = int(Matcher*);
using Free = void(Matcher*);
using PlainScan = int(const unsigned char*, std::uint32_t, const char**, const void**, const Matcher*, std::uint32_t,
                      const void*, void*, void*);
using TrieInit = int(Matcher*, std::uint8_t, std::uint8_t, std::uint8_t);
using TrieScan = int(const unsigned char*, std::uint32_t, const char**, void**, void**, const Matcher*, layout::Seen*,
                     std::uint32_t, int, void**, unsigned, void*);

}  // namespace

std::size_t prepare_matchers() {
    if (!std::string_view(cl_retver()).starts_with(layout::kVersion))
        return 0;
    std::size_t count = 0;
    for (auto& [matcher, known] : matchers()) {
        known = std::make_unique<Prepared>();
        if (matcher->shift != nullptr && matcher->lists != nullptr && matcher->plain_patterns > 0)
            known->plain = prepare_plain(*matcher);
        if (matcher->trie_patterns > 0)
            known->trie = prepare_trie(*matcher);
        known->plain_count = matcher->plain_patterns;
        known->trie_count = matcher->trie_patterns;
        take_filter(*matcher, *known);
        count += (known->plain ? known->plain_count : 0U) + (known->trie ? known->trie_count : 0U);
    }
    return count;
}

std::size_t hide_unseen_signatures() {
    std::size_t count = 0;
    for (const auto& [matcher, known] : matchers())
        count += hide_unseen_signatures(*matcher);
    return count;
}

}  // namespace scanners::clamav

using namespace scanners::clamav;

extern "C" {

#pragma GCC visibility push(default)
Init cli_bm_init;
Free cli_bm_free;
PlainScan cli_bm_scanbuff;
TrieInit cli_ac_init;
Free cli_ac_free;
TrieScan cli_ac_scanbuff;
#pragma GCC visibility pop

int cli_bm_init(Matcher* matcher) {
    static auto* const library = in_library<Init>("cli_bm_init");
    matchers()[matcher] = nullptr;
    return library(matcher);
}

void cli_bm_free(Matcher* matcher) {
    static auto* const library = in_library<Free>("cli_bm_free");
    matchers().erase(matcher);
    library(matcher);
}

int cli_ac_init(Matcher* matcher, std::uint8_t min_depth, std::uint8_t max_depth, std::uint8_t filter) {
    static auto* const library = in_library<TrieInit>("cli_ac_init");
    matchers()[matcher] = nullptr;
    return library(matcher, min_depth, max_depth, filter);
}

void cli_ac_free(Matcher* matcher) {
    static auto* const library = in_library<Free>("cli_ac_free");
    show_all_signatures(*matcher);
    if (const auto* const known = prepared(matcher); known != nullptr && known->filter != nullptr)
        matcher->filter = known->filter;
    matchers().erase(matcher);
    library(matcher);
}

// Whether one of the strings of `matcher` stands in `text`, in places that it may have there.
int cli_bm_scanbuff(const unsigned char* text, std::uint32_t length, const char** name, const void** pattern,
                    const Matcher* matcher, std::uint32_t offset, const void* target, void* places, void* context) {
    static auto* const library = in_library<PlainScan>("cli_bm_scanbuff");
    const auto* const known = matcher == nullptr || places != nullptr ? nullptr : prepared(matcher);
    if (known != nullptr && known->plain && known->plain_count == matcher->plain_patterns &&
        !known->plain->any_in({reinterpret_cast<const char*>(text), length}))
        return CL_CLEAN;
    return library(text, length, name, pattern, matcher, offset, target, places, context);
}

int cli_ac_scanbuff(const unsigned char* text, std::uint32_t length, const char** name, void** custom, void** results,
                    const Matcher* matcher, layout::Seen* seen, std::uint32_t offset, int type, void** types,
                    unsigned mode, void* context) {
    static auto* const library = in_library<TrieScan>("cli_ac_scanbuff");
    const auto ask = [&](std::uint32_t begin, std::uint32_t end) {
        return library(text + begin, end - begin, name, custom, results, matcher, seen, offset + begin, type, types,
                       mode, context);
    };
    const auto* const known = matcher == nullptr ? nullptr : prepared(matcher);
    if (known != nullptr && known->trie_count == 0 && matcher->trie_patterns == 0)
        return CL_CLEAN;
    if (known == nullptr || !known->trie || known->trie_count != matcher->trie_patterns || seen == nullptr ||
        length > kLongestText)
        return ask(0, length);
    static thread_local std::vector<TrieWindows::Window> windows;
    const TrieWindows::Request request{
        text, length, offset, (mode & kAskedForViruses) != 0, (mode & kAskedForTypes) != 0, seen};
    if (!known->trie->find(request, windows))
        return ask(0, length);
    int answer = CL_CLEAN;
    for (const auto& window : windows) {
        const int one = ask(window.begin, window.end);
        const bool type =
            window.types != TrieWindows::Types::kNone && one >= layout::kFirstType && one != layout::kTypeIgnored;
        if (one != CL_CLEAN && !type)
            return one;
        answer = type ? better_type(answer, one) : answer;
    }
    return answer;
}
}
