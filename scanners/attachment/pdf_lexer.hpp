// Tokens of PDF (ISO 32000-1 section 7.2), from any octets.
//
// A reader of PDF jumps to objects by a table of offsets; whoever writes that table decides what is text and what is
// not. So this reads the whole file from beginning to end, and what could hide an object (a string, a comment) does not
// when there is one in it. Inside an object or a stream nothing can hide, and strings are kept to their end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace scanners::attachment {

struct PdfToken {
    enum class Kind : std::uint8_t {
        kEnd,
        kName,       // text: with #xx resolved, without the slash, at most 127 octets
        kString,     // text: at most 255 octets of what it says, or kMaxLongText
        kNumber,     // number: whole part, never negative; value: all of it
        kKeyword,    // text: "obj", "R", "stream" ...
        kDictBegin,  // <<
        kDictEnd,
        kArrayBegin,
        kArrayEnd,
    };
    Kind kind = Kind::kEnd;
    std::string text;
    std::uint64_t number = 0;
    double value = 0;
};

class PdfLexer {
  public:
    enum class Of : std::uint8_t { kFile, kContent };
    static constexpr std::size_t kMaxLongText = 1 << 16;

    explicit PdfLexer(std::string_view octets, Of of = Of::kFile) : octets_(octets), of_(of) {}

    PdfToken next();
    [[nodiscard]] std::size_t at() const { return at_; }
    void go_to(std::size_t at) { at_ = at; }
    // A string that ends nowhere, or that hides an object.
    [[nodiscard]] bool odd() const { return odd_; }

  private:
    void skip_blanks();
    bool comment_hides();
    PdfToken name();
    PdfToken word();
    PdfToken string();
    PdfToken hex_string();

    [[nodiscard]] std::size_t max_text() const;

    std::string_view octets_;
    Of of_;
    std::size_t at_ = 0;
    bool odd_ = false;
    // The line of the last comment, and the end of the last object in it.
    std::size_t line_begin_ = 0;
    std::size_t line_end_ = 0;
    std::size_t hidden_end_ = 0;
};

}  // namespace scanners::attachment
