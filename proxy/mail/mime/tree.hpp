// The tree of a mail's entities (RFC 2045, 2046) as byte ranges, by the first of its readings: the first Content-Type
// counts, its first boundary counts, a delimiter is the boundary and white space. What other readers may see:
// readings.hpp.
//
// Nothing is decoded or copied, so ranges can be edited and all octets around them stay (signatures over them, too).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mail/mime/header.hpp"
#include "mail/mime/parameters.hpp"

namespace mail::mime {

enum class Encoding : std::uint8_t { kIdentity, kBase64, kQuotedPrintable, kUuencode, kYenc, kBinhex, kUnknown };

// By the one word of Content-Transfer-Encoding, lower case; also the names that encodings had before they had one.
Encoding encoding_named(std::string_view word);

struct Entity {
    std::size_t parent = 0;  // index; of the mail itself: 0
    std::uint32_t depth = 0;
    Range delimiter;  // the line that opens it, with its line end; empty: the mail, or a message in a message
    Header header;
    Range body;            // without the line end that belongs to the delimiter behind it
    Range close;           // of a multipart: the line that ends it; empty: none
    Value type;            // Content-Type; word "text/plain" or "message/rfc822" by default
    Value disposition;     // Content-Disposition; empty word: none
    std::string boundary;  // of a multipart
    Encoding encoding = Encoding::kIdentity;
    std::uint64_t defects = 0;
    bool leaf = true;  // has no entities in it

    [[nodiscard]] bool is_multipart() const { return type.word.starts_with("multipart/"); }
};

struct TreeLimits {
    std::size_t entities = 64;
    std::size_t header_fields = 500;
    std::size_t header_parameters = 100;
    std::size_t depth = 16;
};

struct Tree {
    std::vector<Entity> entities;  // parents before children, in the order of the text; never empty
    std::uint64_t defects = 0;     // of all
    // Limits that were reached, and at which entity.
    bool too_many_entities = false;
    bool too_many_fields = false;
    bool too_many_parameters = false;
    bool too_deep = false;
};

// Linear. Line ends may be CRLF or LF: a message inside base64 has often LF.
Tree parse(std::string_view text, const TreeLimits& limits);

// RFC 2046 section 5.2: message/rfc822, and message/global of RFC 6532.
bool is_message_type(std::string_view type);

}  // namespace mail::mime
