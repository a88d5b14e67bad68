// Tokens of Rich Text Format, from any octets, as Word takes them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace scanners::attachment {

struct RtfToken {
    enum class Kind : std::uint8_t {
        kEnd,
        kOpen,    // {
        kClose,   // }
        kWord,    // word: a control word, lower case, at most 32 octets; number: what stands behind it
        kSymbol,  // symbol: a control symbol
        kOctet,   // symbol: \'hh, when these are digits
        kText,    // text: octets up to the next token
        kBinary,  // text: what \bin brings
    };
    Kind kind = Kind::kEnd;
    std::string word{};
    std::optional<std::int64_t> number{};
    char symbol = '\0';
    std::string_view text{};
};

// Value of a hexadecimal digit; -1: none.
int hex_digit(char c);

class RtfLexer {
  public:
    explicit RtfLexer(std::string_view octets) : octets_(octets) {}
    RtfToken next();

  private:
    RtfToken control();
    RtfToken octet();
    std::optional<std::int64_t> number();

    std::string_view octets_;
    std::size_t at_ = 0;
};

}  // namespace scanners::attachment
