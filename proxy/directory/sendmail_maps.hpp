// SendmailMaps: whether Sendmail would take mail for an address, from its classes and maps as they are at one moment.
// Pure.
//
// It goes the way of the rules that Sendmail's m4 files make (Parse1, Mailertable, rule set 5) and of its alias
// look-up: virtusertable for local and virtual domains, then aliases, then the system's users; +detail at each.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "directory/map_table.hpp"
#include "policy/recipient.hpp"

namespace directory {

struct SendmailMaps {
    std::set<std::string> local;     // class w
    std::string home;                // of users that a map names without a domain (home_domain()); empty: unknown
    std::set<std::string> virtuals;  // class {VirtHost}
    bool virtual_below = false;
    std::set<std::string> relayed;  // class R
    struct Table {
        MapTable entries;
        bool fold = true;
        [[nodiscard]] const std::string* find(std::string_view key) const;
    };
    std::optional<Table> virtusers;
    std::optional<Table> mailertable;
    std::vector<Table> aliases;
    bool users = true;
    std::vector<std::string> open;  // as SendmailCf::open

    // Whether the system has this user; empty: it could not be asked.
    using HasUser = std::function<std::optional<bool>(const std::string& name)>;

    // `has_user` may block and is asked last. The answer's mailbox is one person's, whatever address leads to it:
    // aliases, and entries of virtusertable and mailertable that end at a local user.
    [[nodiscard]] policy::SourceAnswer find(const policy::RecipientAddress& address, const HasUser& has_user) const;

  private:
    [[nodiscard]] policy::SourceAnswer route(const policy::RecipientAddress& address, const HasUser& has_user,
                                             int depth) const;
    [[nodiscard]] std::optional<policy::SourceAnswer> virtual_user(const policy::RecipientAddress& address,
                                                                   const HasUser& has_user, int depth) const;
    [[nodiscard]] policy::SourceAnswer elsewhere(const policy::RecipientAddress& address,
                                                 const HasUser& has_user) const;
    [[nodiscard]] policy::SourceAnswer local_user(const std::string& user, const HasUser& has_user) const;
    [[nodiscard]] const std::string* alias(const std::string& user) const;
    [[nodiscard]] std::string mailbox_of(std::string alias_value) const;
    [[nodiscard]] bool is_virtual(const std::string& domain) const;
};

}  // namespace directory
