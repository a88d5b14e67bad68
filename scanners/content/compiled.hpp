// What expressions are compiled to: entries by number, and the pattern sets that find them. Inside of expressions.hpp.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "policy/expression.hpp"
#include "scanners/content/pattern_set.hpp"
#include "scanners/content/regex.hpp"

namespace scanners::content {

// The copy of a text that an entry is looked for in.
enum class Form : std::uint8_t { kRaw, kNormal, kFolded };
inline constexpr std::size_t kForms = 3;

struct CompiledEntry {
    policy::Entry::Kind kind = policy::Entry::Kind::kKeyword;
    Form form = Form::kNormal;
    bool whole_words = false;
    bool distinct = false;
    PatternSet::Use use = PatternSet::Use::kExact;
    std::uint32_t expression = 0;
    std::uint32_t weight = 1;
    std::uint32_t max_count = policy::kMaxCount;
    std::uint32_t length = 0;  // octets of a literal
    std::uint32_t min_digits = 0;
    std::uint32_t max_digits = 0;
    std::optional<Regex> regex;
};

struct CompiledExpression {
    std::uint8_t where = 0;
    std::vector<std::uint32_t> fields;  // numbers in Compiled::fields
    std::uint32_t threshold = 1;
    std::uint32_t entries = 0;
    std::optional<policy::Proximity> proximity;
};

class Compiled {
  public:
    std::vector<CompiledExpression> expressions;
    std::vector<CompiledEntry> entries;
    std::vector<std::string> fields;          // names of header fields, lower case
    std::uint8_t where = 0;                   // where any expression looks
    std::array<bool, kForms> forms{};         // copies that are needed
    std::array<PatternSet, kForms> keywords;  // of kRaw: none
    std::array<PatternSet, kForms> regexes;
    std::vector<std::uint32_t> numbers;     // entries that check numbers
    std::vector<std::uint32_t> unfiltered;  // entries that only PCRE2 understands
    Scratch scratch;

    // Error: all that is wrong, a line each.
    static base::Result<Compiled> compile(std::span<const policy::Expression> definitions);
};

}  // namespace scanners::content
