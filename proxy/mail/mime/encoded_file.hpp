// A file inside a text, from before there was MIME: uuencode, yEnc, BinHex.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mail::mime {

struct EncodedFile {
    std::string name;       // as it stands there; empty: none
    std::string octets;     // decoded
    std::size_t begin = 0;  // of its first line in the text
    std::size_t end = 0;    // behind its last
};

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
