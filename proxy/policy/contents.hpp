// Contents: what a worker saw inside one mail, as facts for the rules: every entity, file and member of an archive,
// what could not be opened and why, what is wrong with the mail's construction, which expressions matched.
//
// Made in a worker, so nothing in it is trusted: the wire bounds every length and count. Text is UTF-8 without control
// characters. Who made it decides nothing; what follows from it is decision.hpp's affair.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/writing.hpp"

namespace policy {

// Bounds of what one mail may hold, each a rule of its own (IMSS calls them scan exceptions). A mail that goes over one
// is looked at up to there, and the limit is a fact.
enum class ContentLimit : std::uint8_t {
    kEntities,          // MIME entities in all
    kHeaderFields,      // header fields of one entity
    kHeaderParameters,  // parameters of one header field
    kLayers,            // archives, documents and messages around an item
    kFiles,             // items inside archives and documents in all
    kExpandedSize,      // octets that come out of archives and documents in all
    kRatio,             // octets that come out of one archive for each octet of it
    kReadings,          // other readings of broken MIME that were looked at
    kScanTime,          // of looking inside, without the scanners
    kFacts,             // what fits into one answer of a worker
};
inline constexpr std::size_t kContentLimits = 10;

struct ContentLimits {
    std::uint32_t entities = 64;
    std::uint32_t header_fields = 500;
    std::uint32_t header_parameters = 100;
    std::uint32_t layers = 16;
    std::uint32_t files = 1000;
    std::uint64_t expanded_size = 400ULL << 20;  // octets
    std::uint32_t ratio = 200;                   // counted above 1 MiB that came out
    std::uint32_t readings = 32;
    std::chrono::seconds scan_time{20};
    bool operator==(const ContentLimits&) const = default;
};

// The configuration's word for it: "entities", "header_fields" ...
std::string_view to_string(ContentLimit limit);

// What is true of an item.
enum class Mark : std::uint16_t {
    kAttachment = 1 << 0,  // has a file name, or a Content-Disposition other than inline
    kEncrypted = 1 << 1,   // with a password or to a key; nothing inside was looked at
    kMacro = 1 << 2,       // program text in a document: VBA, Excel 4
    kScript = 1 << 3,      // JavaScript or an action that runs by itself in a PDF; script in HTML
    kEmbedded = 1 << 4,    // holds files or objects of other programs, or lies in a document itself
    kMalformed = 1 << 5,   // broken beyond what its own programs would repair
    kUnopened = 1 << 6,    // something inside was not looked at: limit, error, unknown method
    kSigned = 1 << 7,      // multipart/signed, S/MIME or OpenPGP: must not be edited
    kExternal = 1 << 8,    // a document that loads its template or data from elsewhere (also DDE)
};

// One thing in a mail. The first of Contents::items is the mail itself; every other has its parent before it.
struct Item {
    enum class Kind : std::uint8_t {
        kMessage,   // the mail itself, or a message in it (message/rfc822)
        kEntity,    // a MIME entity (RFC 2045 section 2.4)
        kReading,   // how another reader would see something: an entity found by another reading of broken MIME
        kMember,    // of an archive
        kEmbedded,  // inside a document: macro project, OLE object, file in a PDF
    };
    Kind kind = Kind::kEntity;
    std::uint16_t parent = 0;  // index; of the mail itself: 0
    std::uint16_t layer = 0;   // archives, documents and messages around it
    std::uint16_t marks = 0;   // Mark
    // Which entity of the mail's own tree it is (mail::mime::parse), from 1: what can be edited. 0: something inside
    // one.
    std::uint16_t entity = 0;
    std::uint64_t size = 0;  // octets, decoded
    // By every reading of its header, most likely first; last component only for members. At most kMaxNames, each at
    // most kMaxName octets.
    std::vector<std::string> names;
    std::string declared_type;  // "application/zip", lower case; empty: none
    std::string true_type;      // by its content, "application/zip"; empty: unknown
    std::string charset;        // lower case; empty: none

    [[nodiscard]] bool is(Mark mark) const { return (marks & static_cast<std::uint16_t>(mark)) != 0; }
    void set(Mark mark) { marks = static_cast<std::uint16_t>(marks | static_cast<std::uint16_t>(mark)); }
    bool operator==(const Item&) const = default;
};

inline constexpr std::size_t kMaxItems = 2000;
inline constexpr std::size_t kMaxNames = 4;
inline constexpr std::size_t kMaxName = 255;  // octets of a name, type or charset
inline constexpr std::size_t kMaxHits = 500;
inline constexpr std::size_t kMaxExcerpt = 80;  // octets

// A limit that was reached, and where.
struct Exceeded {
    ContentLimit limit = ContentLimit::kEntities;
    std::uint16_t item = 0;
    std::uint64_t value = 0;  // what was seen: at least that
    bool operator==(const Exceeded&) const = default;
};

// An expression (a keyword list, a pattern, a checked number) that reached its threshold in one place.
struct Hit {
    std::uint32_t expression = 0;  // number in the policy's list of expressions
    std::uint16_t item = 0;        // the mail itself for its header
    std::uint32_t score = 0;       // sum of the weights that matched
    std::string excerpt;           // the first match, at most kMaxExcerpt octets
    bool operator==(const Hit&) const = default;
};

// A field of the mail's header that a rule asks about, and that is there.
struct FieldSeen {
    std::string name;                 // lower case
    std::uint16_t count = 0;          // how often it is there
    bool malformed = false;           // one of them cannot be read by its standard
    std::vector<std::string> values;  // unfolded and decoded, in their order
    bool operator==(const FieldSeen&) const = default;
};

inline constexpr std::size_t kMaxWantedFields = 200;       // of one policy
inline constexpr std::size_t kMaxFieldName = 76;           // octets
inline constexpr std::size_t kMaxFieldOctets = 24U << 10;  // of the values of all fields together
inline constexpr std::size_t kMaxFieldValues = 500;        // of one field
inline constexpr std::size_t kMaxLanguages = 3;            // of a mail
inline constexpr std::size_t kMaxLanguage = 2;             // octets of its code

struct Contents {
    std::vector<Item> items;  // empty: nobody looked inside
    std::vector<Exceeded> exceeded;
    std::vector<Hit> hits;
    std::uint64_t defects = 0;         // bits of mail::mime::Defect
    std::string subject;               // decoded, at most kMaxName octets: for notices and logs
    std::string from;                  // the From field, decoded, at most kMaxName octets
    std::uint32_t expression_set = 0;  // which policy's expressions and other wishes were looked for
    // What is gathered only for a policy that wants it (policy/wanted.hpp).
    std::vector<FieldSeen> fields;       // of the mail's own header
    std::string malformed_field;         // the first field that cannot be read by its standard; empty: none
    std::vector<std::string> languages;  // ISO 639-1 codes, of the texts that people read
    std::uint16_t writings = 0;          // bits of Writing, of the same texts and the subject

    bool operator==(const Contents&) const = default;
};

// The way to an item: "1.2", then "!" before each archive's, document's or message's inside: "2!invoice.zip!a.doc".
// Printable ASCII (other octets become "?"), at most 300 octets.
std::string item_path(const Contents& contents, std::size_t item);

}  // namespace policy
