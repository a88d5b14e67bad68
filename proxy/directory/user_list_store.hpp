// UserStore: where the user list is kept: mailboxes with their aliases, and settings of mailboxes and domains.
//
// An interface, so that the embedded SQLite (user_list_sqlite.hpp) can be followed by a server that several machines
// share. Calls block: they belong to the user list's own thread (user_list.hpp). All addresses are in the form of
// list_address(), domains in that of list_domain().
//
// An address is a mailbox or an alias of one mailbox, never both. An alias of one person counts as its mailbox; where
// no source knows, each address is a mailbox of its own. A mailbox that is disabled (policy/user_setting.hpp) stays one
// whatever is seen: folded into another it would take mail again, or the other none.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace directory {

inline constexpr const char* kByHand = "manual";  // the source that no other one overrules

// Somebody saw an address that is valid.
struct Sighting {
    std::string address;
    std::string mailbox;  // whose alias it is; empty or the same: nobody said so
    std::string source;   // who says that it is valid: "smtp", "ldap", "maps"
    std::int64_t time = 0;
};

struct UserAlias {
    std::string address;
    std::string source;
    std::int64_t first_seen = 0;  // seconds since 1970; 0: never
    std::int64_t last_seen = 0;
};

struct UserSetting {
    std::string name;
    std::string value;
};

struct User {
    std::string mailbox;
    std::string source;
    std::int64_t first_seen = 0;
    std::int64_t last_seen = 0;  // by any of its addresses
    std::vector<UserAlias> aliases;
    std::vector<UserSetting> settings;
};

struct UserDomain {
    std::string domain;  // with "@"
    std::vector<UserSetting> settings;
};

// What is put in by hand or from a file: a mailbox, or "@domain", which has settings only.
struct UserEntry {
    std::string mailbox;
    std::string source;
    std::vector<std::string> aliases;
    std::vector<UserSetting> settings;
};

// Which mailboxes: all, those of a domain, those one of whose addresses holds a text.
struct UserFilter {
    std::string domain;  // with "@"; empty: any
    std::string text;    // lower case; empty: any
};

struct UserCounts {
    std::uint64_t mailboxes = 0;
    std::uint64_t aliases = 0;
};

class UserStore {
  public:
    virtual ~UserStore() = default;

    // All of them or none. New addresses are left out once there are `limit`; returns how many were.
    virtual base::Result<std::uint64_t> record(std::span<const Sighting> sightings, std::uint64_t limit) = 0;

    // All of them or none. An alias that is a mailbox so far is folded into the new one, with what belongs to it.
    // Error: a mailbox is an alias, or an alias belongs to another mailbox, or is a mailbox that is disabled.
    virtual base::Status add(std::span<const UserEntry> entries, std::int64_t now) = 0;
    // A mailbox with all that belongs to it, or an alias. Error: there is none.
    virtual base::Status remove(const std::string& address) = 0;
    // `scope`: an address of a mailbox, or a domain with "@". Without a value: taken out. Error: no such mailbox, or
    // nothing to take out.
    virtual base::Status set(const std::string& scope, const std::string& name,
                             const std::optional<std::string>& value) = 0;

    // The mailbox that is called so, or has this alias; empty: none.
    virtual base::Result<std::optional<User>> find(const std::string& address) = 0;
    virtual base::Result<std::vector<UserSetting>> domain_settings(const std::string& domain) = 0;
    // Those that have settings, in the order of their names, from behind `after` on.
    virtual base::Result<std::vector<UserDomain>> domains(const std::string& after, std::size_t most) = 0;
    // Each mailbox that has settings, in any order.
    virtual base::Status each_with_settings(const std::function<void(const User&)>& take) = 0;
    // In the order of their names, from behind `after` on (empty: from the beginning), at most `most`.
    virtual base::Result<std::vector<User>> page(const UserFilter& filter, const std::string& after,
                                                 std::size_t most) = 0;
    virtual base::Result<UserCounts> count() = 0;
};

}  // namespace directory
