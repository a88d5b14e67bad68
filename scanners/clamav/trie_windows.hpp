// TrieWindows: where in a text one of libclamav's patterns with wildcards, or parts of logical signatures, may match.
// Made once from patterns that outlive it, then only read: any thread.
//
// libclamav walks a trie that knows two or three octets of each pattern, octet by octet, through tables of megabytes.
// Here a few octets of each pattern are its key, the longer ones with keys that begin side by side, so that not each
// place of a text has to be looked at. Where a key stands, the first eight octets are compared at once, then all that
// is fixed in the pattern. What is left is a few short windows, in which libclamav finds everything that it would find
// in the whole text.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "scanners/clamav/key_table.hpp"
#include "scanners/clamav/layout.hpp"
#include "scanners/clamav/pattern_keys.hpp"
#include "scanners/clamav/what_is_asked.hpp"

namespace scanners::clamav {

class TrieWindows {
  public:
    // More patterns than this are not worth it: they begin with nearly everything.
    static constexpr std::size_t kMostPatterns = 32768;

    // Of a text: what libclamav is asked for. The text is a part of a file, from `offset` on.
    struct Request {
        const unsigned char* text;
        std::uint32_t length;
        std::uint32_t offset;
        bool viruses;
        bool types;
        const layout::Seen* seen;
    };
    // Whether a pattern that says what the file is may match in a window as a whole.
    enum class Types : std::uint8_t {
        kNone,
        kOrdered,  // of all that a text says libclamav takes the best
        kAny,      // what it takes depends on those before
    };
    struct Window {
        std::uint32_t begin;
        std::uint32_t end;
        Types types;
    };

    // `asked`: of each pattern; none: everything is. Nothing: `patterns` are not such as libclamav 1.4 makes them, or
    // too many.
    static std::optional<TrieWindows> make(std::span<const layout::TriePattern* const> patterns,
                                           const Asked& asked = {});

    // In the order of the text, none touching another. Outside of them nothing matches; in each of them everything that
    // its patterns look at, before and behind, is there. If one has any types it is the only one with types. False:
    // there would be so many that the whole text is better.
    // `eight`: as far as the processor can look at eight blocks at once; the answer is the same.
    bool find(const Request& request, std::vector<Window>& windows, bool eight = base::has_avx2()) const;

  private:
    // A pattern by one of its keys, and what is looked at first.
    struct Entry {
        std::uint64_t mask;  // of its first eight octets
        std::uint64_t value;
        std::uint32_t last;         // the last place in a file where the key may stand, or kAnywhere
        std::uint32_t number : 24;  // of the pattern
        std::uint32_t before : 8;   // octets of it before the key
    };
    static_assert(sizeof(Entry) == 24, "of large databases there are 100,000");
    // Patterns of which about as much is fixed.
    struct Group {
        void make();
        std::vector<std::pair<std::uint64_t, Entry>> added;  // with their keys; until the table is made
        std::vector<Entry> entries;  // in the order of the table; of a bucket the ones for any place first
        KeyTable keys;
    };
    // What has to stand behind the first of two parts: the first eight octets of the other, so far from where that
    // one begins.
    struct Next {
        std::uint64_t mask;
        std::uint64_t value;
        std::uint32_t nearest;
        std::uint32_t farthest;
    };
    class Begun;
    // A block of a text in which keys may begin, and which.
    struct Block {
        std::uint32_t at;
        std::uint32_t keys;
    };
    using Blocks = std::array<Block, 256>;

    void add_next(std::span<const layout::TriePattern* const> patterns, const std::vector<bool>& presence);
    void add(std::uint32_t number, const SharedKeys& shared);
    void add_short(const Entry& entry, std::uint64_t key, std::size_t index);
    unsigned keys_in(std::uint64_t octets) const;
    std::span<const Block> find_blocks(const Request& request, std::uint32_t& at, Blocks& blocks) const;
    bool look_at_block(const Request& request, std::uint32_t at, unsigned keys, Begun& begun,
                       std::vector<Window>& windows) const;
    bool look_at(const Request& request, const Group& group, std::uint64_t key, std::uint32_t place, Begun& begun,
                 std::vector<Window>& windows) const;
    bool may_match(const Request& request, std::uint32_t number, std::uint32_t at, Begun& begun) const;
    bool may_go_on(const Request& request, std::uint32_t number, std::uint32_t at) const;
    static Window window_of(const Request& request, const layout::TriePattern& pattern, std::uint32_t at);

    Group long_;                               // keys of four octets in lower case
    Group medium_;                             // of three in lower case
    Group short_;                              // of two as they are
    std::vector<std::uint32_t> short_firsts_;  // bits, by two octets: whether there is such a key
    std::vector<const layout::TriePattern*> patterns_;
    std::vector<bool> once_;           // of each pattern
    std::vector<std::uint16_t> next_;  // of each pattern: its place in nexts_ and one, or 0
    std::vector<Next> nexts_;
    std::size_t signatures_ = 0;  // in parts: the highest number
};

}  // namespace scanners::clamav
