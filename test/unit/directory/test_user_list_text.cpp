#include <doctest/doctest.h>

#include "directory/user_list_address.hpp"
#include "directory/user_list_text.hpp"

using directory::entries_from_wire;
using directory::entry_to_wire;
using directory::list_address;
using directory::list_domain;
using directory::parse_entries;

TEST_CASE("addresses are kept in lower case, and only those that every format can carry") {
    CHECK(list_address("Bob@Example.TEST") == "bob@example.test");
    CHECK(list_address("o'neil+tag@a.test") == "o'neil+tag@a.test");
    CHECK(list_address("j\xc3\xb6rg@a.test") == "j\xc3\xb6rg@a.test");
    for (const char* bad :
         {"", "bob", "@a.test", "bob@", "a b@a.test", "\"a b\"@a.test", "a@b@c.test", "a;b@a.test", "a,b@a.test",
          "a@[192.0.2.1]", "a@.test", "a@a..test", "a@a.test.", "a\xff@a.test", "a\x01@a.test", "<a@a.test>"})
        CHECK_MESSAGE(!list_address(bad), bad);
    CHECK(!list_address(std::string(65, 'a') + "@a.test"));
    CHECK(!list_address("a@" + std::string(253, 'a')));
    CHECK(list_domain("@Example.Test") == "@example.test");
    CHECK(list_domain("example.test") == "@example.test");
    CHECK(!list_domain("bob@example.test"));
}

TEST_CASE("a file is read whether TABs or commas separate, with or without a heading") {
    auto plain = parse_entries(
        "\xef\xbb\xbf# people\r\nBob@a.test\r\n\r\namy@a.test,a@a.test,\"ann@a.test\"\r\n"
        "cat@a.test\tc@a.test;kitty@a.test\n",
        "import");
    REQUIRE(plain.errors.empty());
    REQUIRE(plain.entries.size() == 3);
    CHECK(entry_to_wire(plain.entries[0]) == "bob@a.test;import");
    CHECK(entry_to_wire(plain.entries[1]) == "amy@a.test;import;+a@a.test;+ann@a.test");
    CHECK(entry_to_wire(plain.entries[2]) == "cat@a.test;import;+c@a.test;+kitty@a.test");

    auto named = parse_entries(
        "mailbox,first_seen,settings,aliases,source\nbob@a.test,never,\"class=A b;spam=LOW\",b@a.test,ldap\n"
        "@A.test,,spam=high\n",
        "import");
    REQUIRE(named.errors.empty());
    CHECK(entry_to_wire(named.entries.at(0)) == "bob@a.test;ldap;+b@a.test;!class=a b;!spam=low");
    CHECK(entry_to_wire(named.entries.at(1)) == "@a.test;import;!spam=high");
}

TEST_CASE("every error has its line, and nothing of a faulty line is taken") {
    const auto parsed = parse_entries("bob@a.test\nnobody\nann@a.test,bob@a.test\n\"open@a.test\nbob@a.test\n" +
                                          ("x@a.test," + std::string(4000, 'a')) + "\nmailbox,aliases\n",
                                      "import");
    REQUIRE(parsed.errors.size() == 7);
    CHECK(parsed.errors[0].starts_with("2: \"nobody\""));
    CHECK(parsed.errors[1] == "3: bob@a.test stands in line 1 already");
    CHECK(parsed.errors[2].starts_with("4: a quoted field"));
    CHECK(parsed.errors[3] == "5: bob@a.test stands in line 1 already");
    CHECK(parsed.errors[4].starts_with("6: the line has more than"));
    CHECK(parsed.errors[6].starts_with("7: \"aliases\" is no address"));
    CHECK(parsed.errors[5].starts_with("7: \"mailbox\" is no address"));
    CHECK(parsed.entries.size() == 1);
    const auto flood = parse_entries(
        [] {
            std::string text;
            for (int i = 0; i < 1000; ++i)
                text += "nobody\n";
            return text;
        }(),
        "import");
    CHECK(flood.errors.size() == directory::kMaxErrors);
}

TEST_CASE("what is exported is what is imported") {
    directory::User user{"bob@a.test",
                         "ldap",
                         1764306660,
                         0,
                         {{"b@a.test", "ldap", 0, 0}, {"c@a.test", "ldap", 0, 0}},
                         {{"class", "gold silver"}, {"spam", "off"}}};
    const auto text = std::string(directory::kExportHeading) + export_line(user);
    CHECK(export_line(user) ==
          "bob@a.test,b@a.test;c@a.test,class=gold silver;spam=off,ldap,2025-11-28T05:11:00Z,never\n");
    const auto parsed = parse_entries(text, "import");
    REQUIRE(parsed.errors.empty());
    REQUIRE(parsed.entries.size() == 1);
    CHECK(entry_to_wire(parsed.entries[0]) == "bob@a.test;ldap;+b@a.test;+c@a.test;!class=gold silver;!spam=off");
    auto line = user_to_line(user);
    line.pop_back();
    const auto back = directory::user_from_line(line);
    REQUIRE(back);
    CHECK(export_line(*back) == export_line(user));
}

TEST_CASE("a request's entries are checked again") {
    const auto entries = entries_from_wire("bob@a.test;manual;+b@a.test\tann@a.test;manual;!class=y");
    REQUIRE(entries);
    CHECK(entries->size() == 2);
    for (const char* bad :
         {"", "bob@a.test", "Bob;manual", "bob@a.test;", "bob@a.test;manual;", "bob@a.test;manual;b@a.test",
          "bob@a.test;manual;+b", "bob@a.test;manual;!x", "bob@a.test;manual;!x=y", "bob@a.test;manual\t"})
        CHECK_MESSAGE(!entries_from_wire(bad), bad);
}

TEST_CASE("settings of domains are exported and imported, too") {
    const directory::UserDomain domain{"@a.test", {{"class", "gold"}, {"spam", "high"}}};
    const auto parsed = parse_entries(std::string(directory::kExportHeading) + export_line(domain), "import");
    REQUIRE(parsed.errors.empty());
    CHECK(entry_to_wire(parsed.entries.at(0)) == "@a.test;import;!class=gold;!spam=high");
    const auto wire = entries_from_wire(entry_to_wire(parsed.entries[0]));
    REQUIRE(wire);
    CHECK(wire->at(0).settings.at(1).value == "high");
    auto line = domain_to_line(domain);
    line.pop_back();
    CHECK(export_line(directory::domain_from_line(line).value()) == export_line(domain));
    const auto faulty = parse_entries(
        "mailbox,aliases,settings\n@a.test,b@a.test\n@a..b,,\n@b.test,,disabled=yes\n"
        "c@a.test,,spam=never\nd@a.test,,digest=daily\n",
        "import");
    REQUIRE(faulty.errors.size() == 5);
    CHECK(faulty.errors[0] == "2: a domain has no aliases");
    CHECK(faulty.errors[1].starts_with("3: \"@a..b\" is no address"));
    CHECK(faulty.errors[2] == "4: disabled is a setting of mailboxes, not of domains");
    CHECK(faulty.errors[3] == "5: spam is one of: off low normal high");
    CHECK(faulty.errors[4].starts_with("6: there is no setting digest"));
    CHECK(faulty.entries.empty());
}
