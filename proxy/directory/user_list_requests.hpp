// What `sandwichctl users` asks of the user list, one line each (ctl/protocol.hpp has the line's frame):
//
//   page FILTER AFTER         users as lines of user_to_line(), kPage at most; FILTER: "*", "@domain" or a text;
//                             AFTER: a mailbox or "-"
//   domains AFTER             domains that have settings, as lines of domain_to_line(), kPage at most
//   show ADDRESS              all about a mailbox, by its name or an alias, or "@domain": its settings
//   settings SCOPE            what counts for a mailbox or a domain; SCOPE: an address, or "@domain"
//   add ENTRIES               entries_from_wire(); all or none
//   alias ENTRY               the same with one entry, whose mailbox is there already
//   remove ADDRESS            a mailbox with its aliases and settings, or an alias
//   set SCOPE NAME=VALUE
//   unset SCOPE NAME
//   disable MAILBOX
//   enable MAILBOX
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "directory/user_list_store.hpp"

namespace directory {

inline constexpr std::size_t kPage = 1000;  // users in an answer

// The answer, or what is wrong. `changed`: whose settings are to be looked at anew, as addresses or "@domain".
base::Result<std::string> answer_user_request(UserStore& store, std::string_view line, std::int64_t now,
                                              std::vector<std::string>& changed);
// What changes the list, for the log; empty: the request changes nothing.
std::string change_in_request(std::string_view line);

}  // namespace directory
