// Expressions: what an administrator looks for in the text of mails, as defined by the policy. Plain definitions; they
// are compiled and matched in the scanner processes (scanners/content/).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace policy {

// Where an expression looks. One expression may look in several places; each text is judged alone.
enum class Where : std::uint8_t {
    kHeader = 1 << 0,      // all header fields of the mail
    kSubject = 1 << 1,     // the Subject field, decoded
    kBody = 1 << 2,        // text parts that are shown
    kAttachment = 1 << 3,  // text inside attachments
};
inline constexpr std::uint8_t kEverywhere = 0x0f;

// One thing to look for, as part of an expression.
struct Entry {
    enum class Kind : std::uint8_t {
        kKeyword,      // literal text; "*" stands for any run of letters and digits of one word, "?" for one character
        kRegex,        // PCRE syntax
        kCard,         // payment card numbers: prefix, length and check digit are right
        kIban,         // ISO 13616: country, length and check digits are right
        kUsSsn,        // US social security numbers, written with separators
        kUsSsnDigits,  // the same without separators: nine digits; needs something near it, or it says little
        kLuhn,         // digits whose last is a Luhn check digit (ISO/IEC 7812)
    };
    Kind kind = Kind::kKeyword;
    std::string pattern;          // of a keyword or regular expression, UTF-8; else empty
    bool case_sensitive = false;  // keywords and regular expressions
    bool whole_words = true;      // keywords
    bool wildcards = true;        // keywords: "*" and "?" are special; "\*", "\?" and "\\" never are
    bool raw = false;          // regular expressions: the text as it was sent, with its line ends, nothing normalised
    std::uint32_t weight = 1;  // what one match adds to the score
    std::uint32_t max_count = 0;    // how many matches count at most; 0: kMaxCount
    bool distinct = false;          // the same text counts once, however often it stands there
    std::uint32_t min_digits = 12;  // kLuhn
    std::uint32_t max_digits = 19;
    std::string origin;  // "policy.ini:12": for errors
    bool operator==(const Entry&) const = default;
};

// Only matches that stand close to those of other entries count.
struct Proximity {
    enum class Unit : std::uint8_t { kCharacters, kWords };
    std::uint32_t entries = 0;    // that many different entries have to be there; 0: all of them
    std::uint32_t distance = 50;  // at most, from the start of the first to the start of the last
    Unit unit = Unit::kWords;
    bool operator==(const Proximity&) const = default;
};

struct Expression {
    std::string name;
    std::uint8_t where = kEverywhere;  // Where; 0: only `fields`
    std::vector<std::string> fields;   // names of header fields to look at besides, any case
    std::vector<Entry> entries;
    std::uint32_t threshold = 1;  // the expression hits when the weights of what matched in one text add up to it
    std::optional<Proximity> proximity;
    std::string origin;  // "policy.ini:10"

    [[nodiscard]] bool looks_at(Where place) const { return (where & static_cast<std::uint8_t>(place)) != 0; }
    bool operator==(const Expression&) const = default;
};

// Bounds of a definition. What goes over one is an error of the definition, never cut.
inline constexpr std::size_t kMaxExpressions = 2000;
inline constexpr std::size_t kMaxEntries = 100'000;  // of all expressions together
inline constexpr std::size_t kMaxKeyword = 200;      // octets
inline constexpr std::size_t kMaxRegex = 4000;       // octets
inline constexpr std::size_t kMaxWeight = 1'000'000;
inline constexpr std::size_t kMaxCount = 1000;  // matches of one entry in one text that are counted

}  // namespace policy
