// Which mailbox and which aliases an entry of a directory stands for.
#include <doctest/doctest.h>

#include "directory/ldap_entry.hpp"

using directory::address_in;
using directory::LdapEntry;
using directory::mailbox_of;
using Names = std::vector<std::string>;

TEST_CASE("a value holds an address, with or without a scheme") {
    CHECK(address_in("alice@example.test", "") == "alice@example.test");
    CHECK(address_in("SMTP:Alice@example.test", "") == "Alice@example.test");
    CHECK(address_in("smtp:a.b@example.test", "") == "a.b@example.test");
    CHECK(address_in("x400:c=US;a= ;p=Org;o=Ex;s=Alice;", "example.test").empty());
    CHECK(address_in("sip:alice@example.test", "").empty());
    CHECK(address_in("\"a:b\"@example.test", "").empty());  // its scheme is unknown
}

TEST_CASE("a value without a domain gets that of the question") {
    CHECK(address_in("alice", "example.test") == "alice@example.test");
    CHECK(address_in("alice", "").empty());
}

TEST_CASE("what is no address is none") {
    for (const auto* value :
         {"", "@example.test", "alice@", "a b@example.test", "a\r\n@example.test", "<a@example.test>"})
        CHECK(address_in(value, "").empty());
    CHECK(address_in(std::string(400, 'a') + "@example.test", "").empty());
}

TEST_CASE("the mailbox comes from the first attribute that has one, aliases fold") {
    const LdapEntry entry{"uid=alice",
                          {{"uid", {"alice"}},
                           {"mail", {"alice@example.test", "ALICE@example.test"}},
                           {"mailAlternateAddress", {"a@example.test", "sales@example.test", "A@example.test"}}}};
    const auto mailbox = mailbox_of(entry, {"mailbox", "mail", "uid"}, {"mail", "mailAlternateAddress"}, "other.test");
    CHECK(mailbox.address == "alice@example.test");
    CHECK(mailbox.aliases == Names{"a@example.test", "sales@example.test"});
    CHECK(mailbox_of(entry, {"uid"}, {}, "other.test").address == "alice@other.test");
    CHECK(mailbox_of(entry, {"none"}, {"mail"}, "").address.empty());
}

TEST_CASE("Active Directory's primary address is the one in capitals, wherever it stands") {
    const LdapEntry entry{"cn=Bob",
                          {{"proxyAddresses", {"smtp:b@example.test", "X400:c=US", "SMTP:bob@example.test"}}}};
    const auto mailbox = mailbox_of(entry, {"proxyAddresses"}, {"proxyAddresses"}, "example.test");
    CHECK(mailbox.address == "bob@example.test");
    CHECK(mailbox.aliases == Names{"b@example.test"});
}

TEST_CASE("aliases are bounded") {
    LdapEntry entry;
    for (int i = 0; i < 3000; ++i)
        entry.values["mail"].push_back(std::to_string(i) + "@example.test");
    CHECK(mailbox_of(entry, {"mail"}, {"mail"}, "").aliases.size() == directory::kMaxAliases);
}
