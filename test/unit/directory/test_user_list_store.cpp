#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "directory/user_list_requests.hpp"
#include "directory/user_list_sqlite.hpp"

using directory::Sighting;
using directory::User;
using directory::UserStore;

namespace {

constexpr std::uint64_t kPlenty = 1000;

struct Here {
    Here() {
        char name[] = "/tmp/sandwich-users-XXXXXX";
        directory = ::mkdtemp(name);
        file = directory + "/users.db";
        store = open();
    }
    ~Here() {
        store.reset();
        std::filesystem::remove_all(directory);
    }
    std::unique_ptr<UserStore> open() const {
        auto opened = directory::open_sqlite_user_store(file);
        REQUIRE_MESSAGE(opened, opened.error().message);
        return std::move(*opened);
    }
    void see(std::vector<Sighting> sightings, std::uint64_t left_out = 0, std::uint64_t limit = kPlenty) const {
        const auto recorded = store->record(sightings, limit);
        REQUIRE_MESSAGE(recorded, recorded.error().message);
        CHECK(*recorded == left_out);
    }
    User user(const std::string& address) const {
        const auto found = store->find(address);
        REQUIRE(found);
        REQUIRE_MESSAGE(*found, address);
        return **found;
    }
    // The answer, or "error: ..." with what is wrong.
    std::string ask(const std::string& line) const {
        std::vector<std::string> changed;
        const auto answer = directory::answer_user_request(*store, line, 1000, changed);
        return answer ? *answer : "error: " + answer.error().message;
    }
    std::string directory;
    std::string file;
    std::unique_ptr<UserStore> store;
};

std::string aliases(const User& user) {
    std::string text;
    for (const auto& alias : user.aliases)
        text += alias.address + " ";
    return text;
}

}  // namespace

TEST_CASE("what is seen is a mailbox of its own until a source knows better") {
    const Here here;
    here.see({{"bob@a.test", "", "smtp", 100}, {"b@a.test", "", "smtp", 200}});
    CHECK(here.user("bob@a.test").first_seen == 100);
    CHECK(here.user("b@a.test").mailbox == "b@a.test");
    CHECK(here.ask("set b@a.test class=gold") == "");
    CHECK(here.ask("set b@a.test spam=low") == "");
    CHECK(here.ask("set bob@a.test spam=high") == "");
    // The directory knows that both are one person: settings and times go along, the target's own count.
    here.see({{"b@a.test", "bob@a.test", "ldap", 300}, {"robert@a.test", "bob@a.test", "ldap", 300}});
    const auto bob = here.user("b@a.test");
    CHECK(bob.mailbox == "bob@a.test");
    CHECK(aliases(bob) == "b@a.test robert@a.test ");
    CHECK(bob.first_seen == 100);
    CHECK(bob.last_seen == 300);
    REQUIRE(bob.settings.size() == 2);
    CHECK(bob.settings[0].value == "gold");
    CHECK(bob.settings[1].value == "high");
    // SMTP alone does not take them apart again.
    here.see({{"b@a.test", "", "smtp", 400}});
    CHECK(here.user("bob@a.test").last_seen == 400);
    CHECK(here.store->count().value().mailboxes == 1);
    CHECK(here.store->count().value().aliases == 2);
    // Aliases of what becomes an alias follow; and an alias that moves to another person belongs to one of them.
    here.see({{"bob@a.test", "rob@b.test", "ldap", 500}, {"robert@a.test", "other@b.test", "ldap", 600}});
    CHECK(aliases(here.user("rob@b.test")) == "b@a.test bob@a.test ");
    CHECK(here.user("robert@a.test").mailbox == "other@b.test");
    CHECK(here.store->count().value().aliases == 3);
    // The source calls the alias the mailbox: nobody goes round in a circle.
    here.see({{"rob@b.test", "bob@a.test", "ldap", 700}});
    CHECK(here.user("bob@a.test").mailbox == "rob@b.test");
}

TEST_CASE("what was put in by hand is not folded by what is seen") {
    const Here here;
    CHECK(here.ask("add info@a.test;manual;+sales@a.test") == "");
    here.see({{"info@a.test", "bob@a.test", "ldap", 100}, {"sales@a.test", "bob@a.test", "ldap", 100}});
    CHECK(here.user("info@a.test").mailbox == "info@a.test");
    CHECK(here.user("sales@a.test").mailbox == "info@a.test");
    CHECK(here.user("info@a.test").last_seen == 100);
    CHECK(here.ask("show bob@a.test") == "error: bob@a.test is not in the list");
}

TEST_CASE("a mailbox that is disabled stays the mailbox that it is, whatever is seen") {
    const Here here;
    here.see({{"gone@a.test", "", "smtp", 100}, {"bob@a.test", "", "smtp", 100}});
    CHECK(here.ask("alias bob@a.test;manual;+b@a.test") == "");
    CHECK(here.ask("disable gone@a.test") == "");
    here.see({{"gone@a.test", "bob@a.test", "ldap", 200}});
    CHECK(here.user("gone@a.test").mailbox == "gone@a.test");
    CHECK(here.user("bob@a.test").settings.empty());
    CHECK(here.ask("alias bob@a.test;manual;+gone@a.test").starts_with("error: gone@a.test is disabled"));
    CHECK(here.ask("disable b@a.test") == "error: b@a.test is an alias of bob@a.test");
    CHECK(here.ask("disable nobody@a.test") == "error: nobody@a.test is not in the list");
    CHECK(here.ask("enable bob@a.test") == "error: bob@a.test has no setting disabled");
    CHECK(here.ask("set bob@a.test disabled=yes").starts_with("error: disabled is set by users disable"));
    CHECK(here.ask("unset gone@a.test disabled").starts_with("error: disabled is set by users disable"));
    CHECK(here.ask("enable gone@a.test") == "");
    here.see({{"gone@a.test", "bob@a.test", "ldap", 300}});
    CHECK(here.user("gone@a.test").mailbox == "bob@a.test");
}

TEST_CASE("the list takes no more than its limit by itself, and goes on with those it has") {
    const Here here;
    here.see({{"a@a.test", "", "smtp", 100}, {"b@a.test", "", "smtp", 100}, {"c@a.test", "", "smtp", 100}}, 1, 2);
    here.see(
        {{"a@a.test", "", "smtp", 200}, {"c@a.test", "a@a.test", "ldap", 200}, {"d@a.test", "e@a.test", "ldap", 1}}, 2,
        2);
    CHECK(here.user("a@a.test").last_seen == 200);
    CHECK(here.ask("remove b@a.test") == "");
    here.see({{"c@a.test", "", "smtp", 300}}, 0, 2);
}

TEST_CASE("requests of sandwichctl") {
    const Here here;
    CHECK(here.ask("add bob@a.test;manual;+b@a.test\tann@b.test;manual;!spam=low") == "");
    CHECK(here.ask("page * -") == "ann@b.test\t\tspam=low\tmanual\t0\t0\nbob@a.test\tb@a.test\t\tmanual\t0\t0\n");
    CHECK(here.ask("page * ann@b.test") == "bob@a.test\tb@a.test\t\tmanual\t0\t0\n");
    CHECK(here.ask("page @A.test -").starts_with("bob@"));
    CHECK(here.ask("page B@A -").starts_with("bob@"));  // by an alias, and case does not matter
    CHECK(here.ask("page % -") == "");
    CHECK(here.ask("show B@a.test").starts_with("mailbox:     bob@a.test\n"));
    CHECK(here.ask("alias bob@a.test;manual;+robert@a.test") == "");
    CHECK(here.ask("alias nobody@a.test;manual;+n@a.test") == "error: nobody@a.test is no mailbox in the list");
    CHECK(here.ask("alias b@a.test;manual;+n@a.test") == "error: b@a.test is no mailbox in the list");
    // All or none.
    CHECK(here.ask("add new@a.test;manual\tann@b.test;manual;+b@a.test") ==
          "error: b@a.test is an alias of bob@a.test already");
    CHECK(here.ask("show new@a.test") == "error: new@a.test is not in the list");
    CHECK(here.ask("add b@a.test;manual") == "error: b@a.test is an alias of bob@a.test");
    CHECK(here.ask("add bob@a.test;manual;+bob@a.test") == "error: bob@a.test cannot be an alias of itself");
    // Settings of a person, by any address, and of a domain.
    CHECK(here.ask("set B@a.test Class=Gold  night-shift") == "");
    CHECK(here.ask("show bob@a.test").find("setting:     class = gold night-shift\n") != std::string::npos);
    CHECK(here.ask("set @A.test spam=high") == "");
    CHECK(here.ask("add @a.test;manual;!attachments=strict") == "");
    CHECK(here.ask("show @a.test") ==
          "domain:      a.test\nsetting:     attachments = strict\nsetting:     spam = high\n");
    CHECK(here.ask("domains -") == "@a.test\tattachments=strict;spam=high\n");
    CHECK(here.ask("domains @a.test") == "");
    const std::string in_force =
        "attachments: strict, by @a.test\nclass:       gold night-shift\ndisabled:    not set\nspam:        high, by "
        "@a.test\n";
    CHECK(here.ask("settings b@a.test") == in_force);
    CHECK(here.ask("settings nobody@b.test") ==
          "attachments: normal, not set\nclass:       not set\ndisabled:    not set\nspam:        normal, not set\n");
    CHECK(here.ask("settings @a.test").starts_with("attachments: strict\n"));
    CHECK(here.ask("unset @a.test spam") == "");
    CHECK(here.ask("unset @a.test spam") == "error: @a.test has no setting spam");
    CHECK(here.ask("set nobody@a.test spam=low") == "error: nobody@a.test is not in the list");
    CHECK(here.ask("set bob@a.test spam=often") == "error: spam is one of: off low normal high");
    CHECK(here.ask("set bob@a.test spam") == "error: \"spam\" is no setting: write name=value");
    CHECK(here.ask("set bob@a.test virus=off").starts_with("error: there is no setting virus; there are"));
    CHECK(here.ask("add @a.test;manual;!disabled=yes") == "error: disabled is a setting of mailboxes, not of domains");
    CHECK(here.ask("add @a.test;manual;+bob@a.test") == "error: an entry is malformed");
    // Out again: an alias alone, then the mailbox with everything.
    CHECK(here.ask("remove robert@a.test") == "");
    CHECK(aliases(here.user("bob@a.test")) == "b@a.test ");
    CHECK(here.ask("remove bob@a.test") == "");
    CHECK(here.ask("show b@a.test") == "error: b@a.test is not in the list");
    CHECK(here.ask("add bob@a.test;manual") == "");
    CHECK(here.ask("show bob@a.test").find("gold") == std::string::npos);
    for (const char* bad : {"", "page", "page *", "page * - x", "drop all", "domains"})
        CHECK_MESSAGE(here.ask(bad) == "error: malformed request", bad);
}

TEST_CASE("the list is there again after a restart; other files are left alone") {
    Here here;
    here.see({{"bob@a.test", "", "smtp", 100}});
    here.store.reset();
    here.store = here.open();
    CHECK(here.user("bob@a.test").first_seen == 100);
    here.store.reset();
    struct stat status {};
    REQUIRE(::stat(here.file.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);

    const auto damaged = here.directory + "/damaged.db";
    const std::string noise(8192, 'x');
    std::ofstream(damaged) << noise;
    CHECK(!directory::open_sqlite_user_store(damaged));
    std::ifstream again(damaged);
    CHECK(std::string(std::istreambuf_iterator<char>(again), {}) == noise);
    CHECK(!directory::open_sqlite_user_store(here.directory));
    CHECK(!directory::open_sqlite_user_store(here.directory + "/nowhere/users.db"));
}
