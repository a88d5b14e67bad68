// The lines of a text, whose ends are CRLF or LF.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "mail/text.hpp"

namespace mail::mime {

// The line at `at`, without its line end; `at` moves behind it.
inline std::string_view take_line(std::string_view text, std::size_t& at) {
    const auto found = text.find('\n', at);
    const auto end = found == std::string_view::npos ? text.size() : found;
    auto line = text.substr(at, end - at);
    at = found == std::string_view::npos ? text.size() : found + 1;
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    return line;
}

// Lines by the octet that they begin with: one of some, which are ASCII.
class LinesWith {
  public:
    enum class White : std::uint8_t { kNone, kBefore };

    // `white`: also those that begin with white space, for who looks behind it.
    explicit constexpr LinesWith(std::string_view first, White white = White::kNone) {
        for (const char octet : first)
            add(octet);
        for (char octet = 0; octet < 0x7f; ++octet)
            if (white == White::kBefore && is_white(octet))
                add(octet);
    }

    // Where the first of them begins, from the line on that begins at `at`; the text's size: there is none. Of what is
    // encoded, and that is most of a large mail, hardly any line begins as a delimiter does, so that it need not be
    // taken line by line.
    [[nodiscard]] std::size_t find(std::string_view text, std::size_t at) const;

  private:
    constexpr void add(char octet) {
        const auto value = static_cast<unsigned char>(octet);
        halves_[value % 16] |= static_cast<std::uint8_t>(1U << value / 16);
    }
    [[nodiscard]] bool is_first(char octet) const {
        const auto value = static_cast<unsigned char>(octet);
        return value < 0x80 && (halves_[value % 16] >> value / 16 & 1) != 0;
    }
    std::size_t find_wide(std::string_view text, std::size_t& at) const;

    std::array<std::uint8_t, 16> halves_{};  // by an octet's lower half: a bit for each upper half that goes with it
};

}  // namespace mail::mime
