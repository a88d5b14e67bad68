// Whether Sendmail would take mail for an address: the order of its rules, case by case.
#include <doctest/doctest.h>

#include "directory/sendmail_maps.hpp"

using namespace directory;
using policy::Knowledge;

namespace {

SendmailMaps example() {
    SendmailMaps maps;
    maps.local = {"localhost", "example.test", "all.test", "other.test"};
    maps.home = "example.test";
    maps.virtuals = {"virt.test"};
    maps.relayed = {"relay.test"};
    maps.aliases.push_back({{{"sales", "bob"},
                             {"team+*", "alice, bob"},
                             {"chain", "sales"},
                             {"loop", "loop2"},
                             {"loop2", "loop"},
                             {"prog", "\"|/bin/x\""},
                             {"back", "\\carol"},
                             {"far", "x@remote.test"},
                             {"dot.ted", "bob"}}});
    maps.virtusers = SendmailMaps::Table{{{"info@example.test", "bob"},
                                          {"info@virt.test", "bob@example.test"},
                                          {"gone@example.test", "error:nouser 550 Gone"},
                                          {"code@example.test", "error:5.1.1:550 Gone"},
                                          {"shut@example.test", "error:5.7.1:550 Closed"},
                                          {"soft@example.test", "error:4.2.1:450 later"},
                                          {"boss+*@example.test", "carol"},
                                          {"det++@example.test", "%1@example.test"},
                                          {"bad@virt.test", "nosuch"},
                                          {"out@virt.test", "x@remote.test"},
                                          {"bare@virt.test", "bob"},
                                          {"alias@virt.test", "sales"},
                                          {"this@virt.test", "bob@localhost"},
                                          {"other@virt.test", "carol@other.test"},
                                          {"circle@virt.test", "circle@virt.test"},
                                          {"@all.test", "%1@example.test"}}};
    maps.mailertable = SendmailMaps::Table{{{"hub.test", "esmtp:[192.0.2.1]"},
                                            {".down.test", "error:nohost no such host"},
                                            {".shut.test", "error:nouser nobody here"},
                                            {"box.test", "local:bob"},
                                            {"own.test", "local:"}}};
    return maps;
}

std::optional<bool> has_user(const std::string& name) {
    return name == "alice" || name == "bob" || name == "carol";
}

Knowledge ask(const SendmailMaps& maps, const char* address) {
    return maps.find(*policy::parse_recipient(address), has_user).knowledge;
}

}  // namespace

TEST_CASE("aliases and users, with detail, whatever the case") {
    const auto maps = example();
    for (const auto* const known :
         {"bob@example.test", "BOB@example.test", "bob+x@example.test", "bob+x+y@localhost", "sales@example.test",
          "Sales+q@example.test", "team+any@example.test", "dot.ted@example.test", "bob", "postmaster",
          "PostMaster+x@example.test", "prog@example.test"})
        CHECK_MESSAGE(ask(maps, known) == Knowledge::kKnown, known);
    for (const auto* const unknown :
         {"nosuch@example.test", "nosuch+bob@example.test", "team@example.test", "dot@example.test",
          "+bob@example.test", "bobb@example.test", "postmasters@example.test", "nosuch"})
        CHECK_MESSAGE(ask(maps, unknown) == Knowledge::kUnknown, unknown);
    for (const auto* const open :
         {"bob%remote.test@example.test", "\"/etc/passwd\"@example.test", "a!b@example.test", "\"a b\"@example.test"})
        CHECK_MESSAGE(ask(maps, open) == Knowledge::kCannotTell, open);
}

TEST_CASE("virtusertable") {
    const auto maps = example();
    CHECK(ask(maps, "info@example.test") == Knowledge::kKnown);
    CHECK(ask(maps, "info+x@example.test") == Knowledge::kKnown);
    CHECK(ask(maps, "INFO@Virt.test") == Knowledge::kKnown);
    CHECK(ask(maps, "boss+x@example.test") == Knowledge::kKnown);
    CHECK(ask(maps, "boss@example.test") == Knowledge::kUnknown);
    CHECK(ask(maps, "det+x@example.test") == Knowledge::kUnknown);  // det is nobody
    CHECK(ask(maps, "gone@example.test") == Knowledge::kUnknown);
    CHECK(ask(maps, "code@example.test") == Knowledge::kUnknown);
    CHECK(ask(maps, "shut@example.test") == Knowledge::kCannotTell);
    CHECK(ask(maps, "soft@example.test") == Knowledge::kCannotTell);
    CHECK(ask(maps, "bad@virt.test") == Knowledge::kUnknown);
    CHECK(ask(maps, "out@virt.test") == Knowledge::kKnown);
    CHECK(ask(maps, "circle@virt.test") == Knowledge::kCannotTell);
    CHECK(ask(maps, "bob@all.test") == Knowledge::kKnown);
    CHECK(ask(maps, "bob+x@all.test") == Knowledge::kKnown);
    CHECK(ask(maps, "nosuch@all.test") == Knowledge::kUnknown);
    // A virtual domain is not local: what its table does not have is for others to route.
    CHECK(ask(maps, "nosuch@virt.test") == Knowledge::kElsewhere);
    CHECK(ask(maps, "info@sub.virt.test") == Knowledge::kElsewhere);
}

TEST_CASE("mailertable, and what is not ours") {
    const auto maps = example();
    CHECK(ask(maps, "x@hub.test") == Knowledge::kElsewhere);
    CHECK(ask(maps, "x@sub.hub.test") == Knowledge::kElsewhere);
    CHECK(ask(maps, "x@a.down.test") == Knowledge::kCannotTell);
    CHECK(ask(maps, "x@a.b.shut.test") == Knowledge::kUnknown);
    CHECK(ask(maps, "x@shut.test") == Knowledge::kElsewhere);
    CHECK(ask(maps, "any@box.test") == Knowledge::kKnown);
    CHECK(ask(maps, "bob@own.test") == Knowledge::kKnown);
    CHECK(ask(maps, "nosuch@own.test") == Knowledge::kUnknown);
    CHECK(ask(maps, "x@relay.test") == Knowledge::kElsewhere);
    CHECK(maps.find({"x", "relay.test"}, has_user).detail == "a relayed domain");
    CHECK(maps.find({"x", "remote.test"}, has_user).detail == "not a local domain");
    CHECK(ask(maps, "x@remote.test") == Knowledge::kElsewhere);
}

TEST_CASE("what the maps do not show leaves unknown names open, and only those") {
    auto maps = example();
    maps.open = {"MAIL_HUB"};
    CHECK(ask(maps, "bob@example.test") == Knowledge::kKnown);
    CHECK(ask(maps, "gone@example.test") == Knowledge::kUnknown);  // the table itself says so
    CHECK(ask(maps, "nosuch@example.test") == Knowledge::kCannotTell);
}

TEST_CASE("users that cannot be asked for are down, not unknown") {
    const auto maps = example();
    const auto nobody = [](const std::string&) { return std::optional<bool>(); };
    CHECK(maps.find({"nosuch", "example.test"}, nobody).knowledge == Knowledge::kDown);
    CHECK(maps.find({"sales", "example.test"}, nobody).knowledge == Knowledge::kKnown);
}

TEST_CASE("the mailbox behind an alias, where there is one") {
    const auto maps = example();
    const auto mailbox = [&](const char* address) {
        return maps.find(*policy::parse_recipient(address), has_user).mailbox;
    };
    CHECK(mailbox("sales@example.test") == "bob@example.test");
    CHECK(mailbox("chain@example.test") == "bob@example.test");
    CHECK(mailbox("back@example.test") == "carol@example.test");
    // Of virtusertable: the one that it leads to in the end; bob@virt.test may be another.
    for (const auto* const alias : {"info@virt.test", "INFO@Virt.test", "bare@virt.test", "alias@virt.test",
                                    "this@virt.test", "info@example.test", "bob@all.test", "any@box.test"})
        CHECK_MESSAGE(mailbox(alias) == "bob@example.test", alias);
    CHECK(mailbox("other@virt.test") == "carol@other.test");
    CHECK(mailbox("out@virt.test").empty());
    CHECK(mailbox("Bob+x@example.test") == "bob@example.test");
    CHECK(mailbox("team+x@example.test").empty());
    CHECK(mailbox("loop@example.test").empty());
    CHECK(mailbox("prog@example.test").empty());
    CHECK(mailbox("far@example.test").empty());
}
