// Other readings of broken MIME: where some reader could see a part, whatever the boundaries, the types and the order
// of fields say.
//
// What readers disagree on is without end: which boundary counts, what may stand between a field's name and its value,
// where a header ends. They agree on what is left when all that is taken away: a line that begins with "--", some lines
// of which one speaks of "Content-", and octets that some encoding made. Whatever looks so is a part here.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "mail/mime/range.hpp"
#include "mail/mime/tree.hpp"

namespace mail::mime {

struct LoosePart {
    Range delimiter;                    // the line that begins with "--"; empty: the text itself is the part
    Range header;                       // may hold the beginning of the body: see bodies
    std::vector<std::size_t> bodies;    // where the body may begin, most likely first; at most 4, each once
    std::size_t next_dashes = 0;        // the body ends before the next line that begins with "--" ...
    std::size_t next_own = 0;           // ... or before the next that bears its own delimiter
    std::vector<Encoding> encodings;    // that its header names in some way; empty: none
    std::vector<std::string> charsets;  // likewise; at most 4
};

// The text itself comes first. At most `limit`; linear.
std::vector<LoosePart> find_parts(std::string_view text, std::size_t limit);

}  // namespace mail::mime
