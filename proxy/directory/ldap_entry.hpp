// What an entry of a directory says about a mailbox. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace directory {

struct LdapEntry {
    std::string dn;
    std::map<std::string, std::vector<std::string>> values;  // by attribute, as it was asked for
};

struct LdapMailbox {
    std::string address;               // empty: the entry has none
    std::vector<std::string> aliases;  // without the mailbox's own, in the order of the attributes
};

inline constexpr std::size_t kMaxAliases = 1000;  // of one mailbox; the others are left out

// The address in a value of an attribute; empty: it holds none. "SMTP:a@example.test" and "smtp:..." are those of
// Active Directory's proxyAddresses, where other schemes (X400:, sip:) are no mail addresses. A value without a domain,
// as a uid, gets `domain`, unless that is empty.
std::string address_in(std::string_view value, std::string_view domain);

// The mailbox is the first value of the first of `mailbox_attributes` that has one; among the values of one attribute
// that with the scheme SMTP: in capitals, which is Active Directory's primary address. `domain` is that of the address
// that was asked for.
LdapMailbox mailbox_of(const LdapEntry& entry, const std::vector<std::string>& mailbox_attributes,
                       const std::vector<std::string>& alias_attributes, std::string_view domain);

}  // namespace directory
