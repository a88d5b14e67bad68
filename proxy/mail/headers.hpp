// The header section of a mail (RFC 5322 section 2.2) as byte ranges; nothing is copied, unfolded or repaired.
//
// The proxy itself looks only at field boundaries and at the first Received field (invariant 15).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "mail/received.hpp"

namespace mail {

struct HeaderField {
    std::string_view name;   // without the colon; empty for a line that is no field
    std::string_view value;  // after the colon, folded as it is, without the last CRLF
    std::size_t begin = 0;   // offset of the first octet in the mail
    std::size_t end = 0;     // offset behind the last CRLF of the field
};

// Walks the fields of canonical text until the empty line or the end. Lines that are no field and do not continue one
// are given with an empty name. Linear in the size of the header section.
class HeaderReader {
  public:
    explicit HeaderReader(std::string_view mail) : mail_(mail) {}
    std::optional<HeaderField> next();

  private:
    std::string_view mail_;
    std::size_t position_ = 0;
};

// Case-insensitive comparison of field names.
bool field_name_is(const HeaderField& field, std::string_view name);

// What the proxy wants to know from a mail's header, in one pass over at most `max_fields` fields of its first
// 256 KiB.
struct HeaderFacts {
    Received received;               // the topmost Received field's
    std::size_t below_received = 0;  // offset behind that field; 0: there is none
    std::string message_id;          // Message-ID with its brackets, at most 200 octets, no control characters
};
HeaderFacts read_header_facts(std::string_view mail, std::size_t max_fields = 1000);

}  // namespace mail
