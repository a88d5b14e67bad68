// How libclamav 1.4 lays out what its matchers look for. Zygote and workers; read only.
//
// These structures are no part of libclamav's interface. Nothing here is looked at unless the library says that it is
// of this version, and matchers.cpp checks every pattern for what must hold of it before it relies on one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace scanners::clamav::layout {

// What cl_retver() must begin with.
constexpr const char* kVersion = "1.4.";

// A string without wildcards; of one root and one hash of its first octets they make a list.
struct PlainPattern {
    const unsigned char* octets;
    const unsigned char* prefix;  // before `octets`, in one piece with them
    const char* name;
    std::uint32_t offset_data[4];
    std::uint32_t offset_min, offset_max;
    const PlainPattern* next;
    std::uint16_t length, prefix_length, list_length;
    unsigned char first;
    std::uint32_t boundary, file_size;
};

// Of an entry of TriePattern::octets: what stands beside the octet in the lower byte.
constexpr std::uint16_t kKind = 0xff00;
constexpr std::uint16_t kOctet = 0x0000;
constexpr std::uint16_t kAnyCase = 0x1000;
constexpr std::uint16_t kAny = 0x0100;
constexpr std::uint16_t kSpecial = 0x0200;  // alternatives, of which the lengths may differ
constexpr std::uint16_t kHighNibble = 0x0300;
constexpr std::uint16_t kLowNibble = 0x0400;

constexpr std::uint8_t kOptionAnyCase = 0x01;
constexpr std::uint32_t kOffsetAny = 0xffffffff;
constexpr std::uint32_t kOffsetAbsolute = 1;

// One part of a signature with wildcards, or of a logical one. Lengths: entries, then the fewest and the most octets.
struct TriePattern {
    const std::uint16_t* octets;
    const std::uint16_t* prefix;
    std::uint16_t length[3];
    std::uint16_t prefix_length[3];
    std::uint32_t min_distance, max_distance;
    std::uint32_t signature;  // 0: it has one part
    std::uint32_t logical[3];
    std::uint16_t near[2];
    const char* name;
    const void* custom;
    std::uint16_t near_min[2], near_max[2];
    std::uint16_t parts, part, special, special_pattern;
    const void* special_table;
    std::uint16_t root_type, type;  // type: what it says a file is; 0: it is of a virus
    std::uint32_t offset_data[4];
    std::uint32_t offset_min, offset_max;
    std::uint32_t boundary;
    std::uint8_t depth;  // how many entries the trie has
    std::uint8_t options;
};

struct SizeHashes {
    const void* table;
    std::size_t capacity, used, most;
};

struct WildHashes {
    const void* hashes;
    const void* names;
    std::uint32_t count;
};

// A signature made of parts and an expression that says which of them must be there, or a YARA rule.
struct LogicalSignature {
    std::uint32_t number;  // its place in the table
    unsigned bytecode;
    int kind;
    std::uint8_t flags;
    const char* expression;  // of the normal kind
    const char* name;
    std::uint64_t conditions[17];  // more that must be so when the expression is true
};

constexpr int kNormalKind = 0;
constexpr int kLastKind = 2;  // the other two are of YARA

// What is looked for in one kind of file. More follows.
struct Matcher {
    unsigned type;
    const std::uint8_t* shift;
    const PlainPattern* const* lists;
    const void* table;
    const void* section_offsets;
    std::uint32_t section_offset_count;
    std::uint32_t by_offset, plain_patterns, relative, absolute;
    SizeHashes size_hashes[3];
    WildHashes wild_hashes[3];
    std::uint32_t partial, nodes, node_lists, trie_patterns, logical;
    const LogicalSignature** logical_table;
    const void* trie;
    const void* node_table;
    const void* list_table;
    const TriePattern* const* patterns;
    const void* relative_patterns;
    std::uint32_t relative_pattern_count, absolute_pattern_count;
    std::uint8_t min_depth, max_depth;
    mutable const void* filter;  // what says that a text need not be looked at; null: each is
};

// A file, or a part of one, as it is looked at. More follows.
struct Map {
    const void* handle;
    const void* read;
    const void* octets;
    std::uint64_t time, pages, page_size, paged;
    bool aging, not_remembered, is_descriptor;
    std::size_t file_offset;
    std::size_t nested_offset, nested_end;  // in the file of which it is a part
    std::size_t length;
    const void* close;
    // `length` octets from `at` on; null: they are not all there. `lock`: they stay.
    const unsigned char* (*need)(Map*, std::size_t at, std::size_t length, int lock);
};

// Whether it is laid out so, as far as that can be seen.
inline bool is_as_expected(const Map& map) {
    return map.page_size > 0 && map.need != nullptr && map.nested_end == map.nested_offset + map.length;
}

// A text as it is normalized: what was made of it so far.
struct NormalizedText {
    unsigned char* octets;
    std::size_t room, size;
    int after_blank;  // the last one was a blank
};

// A message or a part of one, as it is decoded. More follows.
struct Message {
    const void* encodings;
    int type, encoding_count;
    const void* subtype;
    const void* arguments;
    const void* disposition;
    const void* first_line;
    const void* last_line;
    const void* context;
    std::size_t argument_count;
    int letters;  // of base64, that a line left for the next one
};

constexpr int kBase64 = 2;  // an encoding

// What a trie says of a file: "not to be looked at", and it looks no further itself.
constexpr int kFirstType = 500;  // answers from here on are types of files
constexpr int kTypeProgram = 506;
constexpr int kTypeBootRecord = 559;
constexpr int kFirstInside = 562;  // types from here on are of what stands in a file of another type
constexpr int kTypeIgnored = 586;

constexpr std::size_t kMaxParts = 64;  // of a logical signature; libclamav loads none with more

// Where the parts of a YARA rule have been seen; `parts` of each signature.
struct Places {
    std::uint32_t count;
    void* parts[1];  // as many as `count`
};

// What has been seen of signatures in parts so far, in one file. Tables of as many entries as there are `partial`,
// `logical` and (twice) `relative` signatures; none of no entry.
struct Seen {
    void*** parts;  // by signature, from 1; null: not even its first part
    std::uint32_t partial, logical, relative;
    std::uint32_t** counts;  // by signature and part: how often it was seen
    std::uint32_t** last;    // and where
    std::uint32_t** first;
    Places** places;
    std::uint8_t* rules;
    std::uint32_t* offsets;
    std::uint32_t macros[32];
    const void* versions;
    std::uint32_t first_part;
};

constexpr std::uint32_t kNowhere = 0xfffffffe;

static_assert(sizeof(PlainPattern) == 72 && offsetof(PlainPattern, next) == 48 && offsetof(PlainPattern, length) == 56);
static_assert(sizeof(TriePattern) == 136 && offsetof(TriePattern, offset_data) == 100);
static_assert(offsetof(Matcher, plain_patterns) == 48 && offsetof(Matcher, size_hashes) == 64);
static_assert(sizeof(LogicalSignature) == 168 && offsetof(LogicalSignature, expression) == 16);
static_assert(offsetof(Matcher, patterns) == 288 && offsetof(Message, letters) == 72);
static_assert(sizeof(Seen) == 216 && offsetof(Seen, counts) == 24 && offsetof(Seen, macros) == 72);

}  // namespace scanners::clamav::layout
