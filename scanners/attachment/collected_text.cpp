#include "scanners/attachment/collected_text.hpp"

#include <utility>

#include "scanners/attachment/octets.hpp"

namespace scanners::attachment {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

bool is_first_half(char32_t c) {
    return c >= 0xD800 && c < 0xDC00;
}
bool is_second_half(char32_t c) {
    return c >= 0xDC00 && c < 0xE000;
}

}  // namespace

void append_utf8(std::string& text, char32_t c) {
    const auto octet = [&text](char32_t value) { text.push_back(static_cast<char>(value)); };
    if (c > 0x10FFFF || is_first_half(c) || is_second_half(c))
        c = kReplacement;
    if (c < 0x80) {
        octet(c);
    } else if (c < 0x800) {
        octet(0xC0 | c >> 6);
        octet(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        octet(0xE0 | c >> 12);
        octet(0x80 | (c >> 6 & 0x3F));
        octet(0x80 | (c & 0x3F));
    } else {
        octet(0xF0 | c >> 18);
        octet(0x80 | (c >> 12 & 0x3F));
        octet(0x80 | (c >> 6 & 0x3F));
        octet(0x80 | (c & 0x3F));
    }
}

void CollectedText::settle() {
    if (half_ != 0)
        append_utf8(text_, kReplacement);
    half_ = 0;
}

void CollectedText::add(char32_t c) {
    settle();
    if (!full())
        append_utf8(text_, c);
}

void CollectedText::add(std::string_view utf8) {
    settle();
    if (!full())
        text_ += utf8.substr(0, kMaxText + 1 - text_.size());
}

void CollectedText::add_unit(char16_t unit) {
    if (is_second_half(unit) && half_ != 0) {
        const char32_t pair = 0x10000 + (static_cast<char32_t>(half_ - 0xD800) << 10) + (unit - 0xDC00U);
        half_ = 0;
        add(pair);
        return;
    }
    settle();
    if (is_first_half(unit))
        half_ = unit;
    else
        add(static_cast<char32_t>(unit));
}

void CollectedText::add_utf16(std::string_view octets) {
    for (std::size_t at = 0; at + 1 < octets.size() && !full(); at += 2)
        add_unit(static_cast<char16_t>(little16(octets, at)));
}

void CollectedText::end_line() {
    settle();
    if (!text_.empty() && text_.back() != '\n')
        add(U'\n');
}

void CollectedText::end_word() {
    settle();
    if (!text_.empty() && text_.back() != '\n' && text_.back() != ' ')
        add(U' ');
}

void CollectedText::give(Opening& opening, std::size_t item) {
    settle();
    if (!text_.empty())
        opening.add_text({item, Place::kAttachment, opening.keep(std::exchange(text_, {})), true});
}

}  // namespace scanners::attachment
