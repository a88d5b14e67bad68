// Readable text as it comes out of a document piece by piece: UTF-8, bounded.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "scanners/opening.hpp"

namespace scanners::attachment {

// What is no character (a lone surrogate, a number beyond Unicode) becomes U+FFFD.
void append_utf8(std::string& text, char32_t c);

class CollectedText {
  public:
    void add(char32_t c);
    void add(std::string_view utf8);
    // UTF-16, as far as a document numbers characters by it: the halves of a pair may come one by one.
    void add_unit(char16_t unit);
    void add_utf16(std::string_view octets);  // least significant octet first
    // Ends the line or the word, unless that is done already.
    void end_line();
    void end_word();

    // No more is kept: whoever looks at the text will find it too long.
    [[nodiscard]] bool full() const { return text_.size() > kMaxText; }
    [[nodiscard]] bool empty() const { return text_.empty(); }
    [[nodiscard]] std::string_view view() const { return text_; }
    void clear() { *this = {}; }
    // Makes it a text of `item`, unless it is empty.
    void give(Opening& opening, std::size_t item);

  private:
    void settle();

    std::string text_;
    char16_t half_ = 0;  // first half of a pair
};

}  // namespace scanners::attachment
