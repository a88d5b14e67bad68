// A structured field's value: a word and parameters (RFC 2045 section 5.1), with the sections and character sets of
// RFC 2231. Read as tolerantly as mail readers do; what is not by the book is a defect.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mail::mime {

// Text in a character set to UTF-8; total. What converts is not in this room.
using ToUtf8 = std::string (*)(std::string_view text, std::string_view charset);

inline constexpr int kNoSection = -1;

struct Parameter {
    std::string name;          // lower case, without "*"
    int section = kNoSection;  // name*2
    bool extended = false;     // name*, name*2*: percent-encoded, with a character set
    std::string value;         // without quotes, escapes and comments; still percent-encoded
};

struct Value {
    std::string word;  // lower case: "text/plain", "attachment", "base64"
    std::vector<Parameter> parameters;
    std::uint64_t defects = 0;
    bool too_many = false;  // more parameters than the limit
};

// `value` is unfolded. Linear.
Value parse_value(std::string_view value, std::size_t max_parameters);

// Percent-encoded octets; "%" before anything else stands for itself.
std::string decode_percent(std::string_view text);

// A parameter's first reading: its sections in order, else name*, else name; empty: there is none.
std::string parameter(const Value& value, std::string_view name, ToUtf8 to_utf8);
// The first plain one, as octets; else like parameter() without a character set. For what is compared with octets.
std::string plain_parameter(const Value& value, std::string_view name);

// charset'language'text of RFC 2231, decoded.
std::string decode_extended(std::string_view text, ToUtf8 to_utf8);

// Without comments; quoted strings are left alone. An open comment goes to the end.
std::string without_comments(std::string_view text);

}  // namespace mail::mime
