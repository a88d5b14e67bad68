// TrieWindows: where in a text one of libclamav's patterns with wildcards, or parts of logical signatures, may match.
// Made once from patterns that outlive it, then only read: any thread.
//
// libclamav walks a trie that knows two or three octets of each pattern, octet by octet, through tables of megabytes.
// Here tables that fit a processor's cache say where two to four octets of a pattern stand, what follows there is
// compared with its first eight at once, then with all that is fixed in it. What is left is a few short windows, in
// which libclamav finds everything that it would find in the whole text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "scanners/clamav/key_table.hpp"
#include "scanners/clamav/layout.hpp"

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
    struct Window {
        std::uint32_t begin;
        std::uint32_t end;
        bool type;  // a pattern that says what the file is may match in it as a whole
    };

    // Nothing: `patterns` are not such as libclamav 1.4 makes them, or too many.
    static std::optional<TrieWindows> make(std::span<const layout::TriePattern* const> patterns);

    // In the order of the text, none touching another. Outside of them nothing matches; in each of them everything that
    // its patterns look at, before and behind, is there. One at most has a type. False: there would be so many that the
    // whole text is better.
    bool find(const Request& request, std::vector<Window>& windows) const;

  private:
    // Of a pattern, as often as there are ways to write its key.
    struct Entry {
        std::uint64_t key;   // its first octets, which are fixed, in the order of the host
        std::uint64_t mask;  // of its first eight octets
        std::uint64_t value;
        const layout::TriePattern* pattern;
    };
    // Patterns that are known by their first two, three or four octets.
    struct Group {
        void make();
        std::vector<Entry> entries;  // by key
        KeyTable keys;
    };
    class Begun;

    void add(const layout::TriePattern* pattern);
    void add_keys(Group& group, Entry entry, std::size_t index, std::size_t count);
    bool look_at(const Request& request, const Group& group, std::uint64_t key, std::uint32_t at, Begun& begun,
                 std::vector<Window>& windows) const;
    static bool may_match(const Request& request, const layout::TriePattern& pattern, std::uint32_t at, Begun& begun);
    static Window window_of(const Request& request, const layout::TriePattern& pattern, std::uint32_t at);

    Group two_;
    Group three_;
    Group four_;                  // keys in lower case
    std::size_t signatures_ = 0;  // in parts: the highest number
};

}  // namespace scanners::clamav
