// What a Received field (RFC 5321 section 4.4) says of one hop: which host took the mail, under which queue id.
#pragma once

#include <string>
#include <string_view>

namespace mail {

struct Received {
    std::string by;  // the host that took the mail; at most 255 octets of [A-Za-z0-9._:\[\]-]; empty: none
    std::string id;  // its queue id; at most 64 octets of [A-Za-z0-9._-]; empty: none
    // The address of the host that the mail came from: "from helo (name [192.0.2.1])", as Sendmail and Postfix write
    // it, or in Exim's forms; without "IPv6:", and only its form is checked. The last one in the comments of that
    // clause, since what stands before it may be the client's own words. Empty: none.
    std::string client;
};

// `value` is the field's, folded as it is. Comments and quoted strings are no clauses; what stands behind the ';' is
// the date.
Received parse_received(std::string_view value);

}  // namespace mail
