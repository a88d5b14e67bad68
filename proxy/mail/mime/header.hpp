// The header of an entity (RFC 5322 section 2.2, RFC 2045 section 3) as ranges, by the first of its readings: only a
// line without any octet ends it, a line that is no field is passed over.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "mail/mime/range.hpp"

namespace mail::mime {

struct Field {
    Range range;  // with its last line end
    Range name;   // without the colon and what stands before it (white space, a comment)
    Range value;  // behind the colon, folded, without the last line end
};

struct Header {
    Range range;           // without the empty line
    std::size_t body = 0;  // behind the empty line
    std::vector<Field> fields;
    std::uint64_t defects = 0;
    bool too_many = false;  // more fields than the limit: they are in `range` only
};

// Reads from `begin`. `ends`: asked of each line that begins with "--" whether it is a delimiter of a multipart around.
// Linear.
Header read_header(std::string_view text, std::size_t begin, std::size_t max_fields,
                   const std::function<bool(std::string_view)>& ends);

// Without line ends; other octets stay.
std::string unfold(std::string_view value);

// The first field of that name, or nullptr; case does not matter.
const Field* find_field(const Header& header, std::string_view text, std::string_view name);

}  // namespace mail::mime
