// Addresses as the user list keeps them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace directory {

inline constexpr std::size_t kMaxUserAddress = 254;  // octets: the longest path without its brackets (RFC 5321)

// "Bob@Example.Test" as "bob@example.test": ASCII letters in lower case, in the local part as well, since no mailbox
// differs from another in case alone. Empty: it is none that the list keeps: without a domain, with an address literal,
// quoted, with blanks or one of ()<>[]:;,\" or anything that is no UTF-8.
std::optional<std::string> list_address(std::string_view text);

// "example.test" of "bob@example.test"; all of it where there is no "@".
std::string_view domain_of(std::string_view address);

// "@Example.Test" or "example.test" as "@example.test", as settings of a domain are kept. Empty: it is no domain.
std::optional<std::string> list_domain(std::string_view text);

// Where an entry comes from: a word.
bool is_source(std::string_view source);

}  // namespace directory
