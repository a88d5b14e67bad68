// A file inside a text, from before there was MIME: uuencode, yEnc, BinHex.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "mail/text.hpp"

namespace mail::mime {

struct EncodedFile {
    std::string name;       // as it stands there; empty: none
    std::string octets;     // decoded
    std::string other;      // by another plausible reading of its lines; empty: there is none
    std::size_t begin = 0;  // of its first line in the text
    std::size_t end = 0;    // behind its last
};

// `line` begins with this word, whatever white space is before it and whichever case it has; `line` moves behind it.
inline bool take_word(std::string_view& line, std::string_view word) {
    auto rest = line;
    while (!rest.empty() && is_white(rest.front()))
        rest.remove_prefix(1);
    if (rest.size() < word.size() || !equal_ignoring_case(rest.substr(0, word.size()), word))
        return false;
    line = rest.substr(word.size());
    return true;
}

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

}  // namespace mail::mime
