// The lines of a text, whose ends are CRLF or LF.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

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
    explicit constexpr LinesWith(std::string_view first) {
        for (const char octet : first)
            halves_[static_cast<unsigned>(octet) % 16] |=
                static_cast<std::uint8_t>(1U << static_cast<unsigned>(octet) / 16);
    }

    // Where the first of them begins, from the line on that begins at `at`; the text's size: there is none. Of what is
    // encoded, and that is most of a large mail, hardly any line begins as a delimiter does, so that it need not be
    // taken line by line.
    [[nodiscard]] std::size_t find(std::string_view text, std::size_t at) const;

  private:
    [[nodiscard]] bool is_first(char octet) const {
        const auto value = static_cast<unsigned char>(octet);
        return value < 0x80 && (halves_[value % 16] >> value / 16 & 1) != 0;
    }
    std::size_t find_wide(std::string_view text, std::size_t& at) const;

    std::array<std::uint8_t, 16> halves_{};  // by an octet's lower half: a bit for each upper half that goes with it
};

}  // namespace mail::mime
