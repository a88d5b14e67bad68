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

}  // namespace mail::mime
