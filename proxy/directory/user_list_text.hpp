// The user list as text: files that are imported and exported, and the entries of one request to the proxy.
//
// Used by sandwichctl and by the proxy; touches no file and no database.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "directory/user_list_store.hpp"

namespace directory {

// Octets of one entry in a request: several fit into one line of the control socket.
inline constexpr std::size_t kMaxEntry = 3800;

struct ParsedEntries {
    std::vector<UserEntry> entries;
    std::vector<std::string> errors;  // "12: ...", the line first; at most kMaxErrors
};
inline constexpr std::size_t kMaxErrors = 100;

// One mailbox a line, its aliases behind it, or "@domain", which has settings only: separated by TABs, or by commas
// with RFC 4180's quotes; within a field by
// ";" or blanks. A first line that begins with "mailbox" names the columns: mailbox, aliases, settings, source; others
// are not looked at. "#" begins a comment line. `source`: of entries that name none.
ParsedEntries parse_entries(std::string_view text, std::string_view source);

inline constexpr std::string_view kExportHeading = "mailbox,aliases,settings,source,first_seen,last_seen\n";
// One line, which parse_entries() reads, with the heading above.
std::string export_line(const User& user);
std::string export_line(const UserDomain& domain);

// An entry as a request has it, without TAB: "bob@x.test;manual;+b@x.test;!name=value"; several are separated by TABs.
std::string entry_to_wire(const UserEntry& entry);
// Error: something of it is malformed.
base::Result<std::vector<UserEntry>> entries_from_wire(std::string_view text);

// A user in one line of the answer to a request, and back. TABs separate the fields; no field holds one.
std::string user_to_line(const User& user);
base::Result<User> user_from_line(std::string_view line);

std::string domain_to_line(const UserDomain& domain);
base::Result<UserDomain> domain_from_line(std::string_view line);

// "class=gold", as it is kept. Error: there is no such setting, it has no such value, or `of_domain` and domains have
// none.
base::Result<UserSetting> parse_setting(std::string_view text, bool of_domain);

// All that is known of one, for people.
std::string describe_user(const User& user);
std::string describe_settings(const std::vector<UserSetting>& settings);
// Which settings there are, and what they may be.
std::string describe_kinds();
// What counts for a mailbox or a domain, and who has set it.
std::string describe_in_force(const std::vector<UserSetting>& own, const UserDomain& domain);
// "2026-11-28T05:11:00Z", "never"
std::string seen_text(std::int64_t seconds);

}  // namespace directory
