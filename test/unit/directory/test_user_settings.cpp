// Settings in memory follow what becomes of the list.
#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>

#include "directory/user_list_requests.hpp"
#include "directory/user_list_sqlite.hpp"
#include "directory/user_settings.hpp"

using directory::UserSettings;
using policy::Setting;

namespace {

struct List {
    List() {
        char name[] = "/tmp/sandwich-users-XXXXXX";
        folder = ::mkdtemp(name);
        auto opened = directory::open_sqlite_user_store(folder + "/users.db");
        REQUIRE(opened);
        store = std::move(*opened);
        REQUIRE(settings.load(*store));
    }
    ~List() {
        store.reset();
        std::filesystem::remove_all(folder);
    }
    // As the list's thread does it.
    void ask(const std::string& line) {
        std::vector<std::string> changed;
        const auto answer = directory::answer_user_request(*store, line, 0, changed);
        REQUIRE_MESSAGE(answer, line);
        for (const auto& scope : changed)
            REQUIRE(settings.refresh(*store, scope));
    }
    std::string spam(const char* path) const { return std::string(settings.of(path).value(Setting::kSpam)); }
    // What a new process reads is what this one has come to.
    void check_same(std::initializer_list<const char*> paths) {
        UserSettings anew;
        REQUIRE(anew.load(*store));
        for (const auto* const path : paths)
            CHECK_MESSAGE(anew.of(path).value(Setting::kSpam) == settings.of(path).value(Setting::kSpam), path);
    }

    std::string folder;
    std::unique_ptr<directory::UserStore> store;
    UserSettings settings;
};

}  // namespace

TEST_CASE("a mailbox's settings are those of all its addresses, and its domain's those of whoever has none") {
    List list;
    CHECK(list.settings.known());
    CHECK(list.spam("bob@a.test") == "normal");
    list.ask("add bob@a.test;manual;+b@a.test;+b@far.test");
    list.ask("set b@a.test spam=low");
    list.ask("set @a.test spam=high");
    for (const auto* const path : {"bob@a.test", "B@A.test", "b+detail@a.test", "\"bob\"@a.test", "b@far.test"})
        CHECK_MESSAGE(list.spam(path) == "low", path);
    for (const auto* const path : {"eve@a.test", "\"two words\"@a.test"})
        CHECK_MESSAGE(list.spam(path) == "high", path);
    for (const auto* const path : {"eve@far.test", "bob", "", "x@b.a.test", "bob@a.test@far.test"})
        CHECK_MESSAGE(list.spam(path) == "normal", path);
    list.check_same({"bob@a.test", "b@far.test", "eve@a.test"});
    list.ask("unset bob@a.test spam");
    CHECK(list.spam("b@a.test") == "high");
    CHECK(list.spam("b@far.test") == "normal");
    list.ask("unset @a.test spam");
    CHECK(list.spam("b@a.test") == "normal");
    CHECK_FALSE(list.settings.has("@a.test"));
}

TEST_CASE("settings go where their addresses go") {
    List list;
    list.ask("add bob@a.test;manual;+b@a.test;!spam=low\tann@a.test;manual;!spam=high\teve@a.test;manual");
    // An alias alone goes.
    list.ask("remove b@a.test");
    CHECK(list.spam("b@a.test") == "normal");
    CHECK(list.spam("bob@a.test") == "low");
    // A mailbox with aliases becomes an alias of one that has settings, and of one that has none.
    list.ask("alias bob@a.test;manual;+b@a.test");
    list.ask("alias ann@a.test;manual;+bob@a.test");
    CHECK(list.spam("b@a.test") == "high");
    list.ask("alias eve@a.test;manual;+ann@a.test");
    for (const auto* const path : {"eve@a.test", "ann@a.test", "bob@a.test", "b@a.test"})
        CHECK_MESSAGE(list.spam(path) == "high", path);
    list.check_same({"eve@a.test", "ann@a.test", "bob@a.test", "b@a.test"});
    // A source moves an alias to somebody else.
    list.ask("add rob@a.test;ldap;+r@a.test;!spam=off");
    const directory::Sighting moved[] = {{"r@a.test", "new@a.test", "ldap", 1}};
    REQUIRE(list.store->record(moved, 100));
    REQUIRE(list.settings.refresh(*list.store, "r@a.test"));
    CHECK(list.spam("r@a.test") == "normal");
    CHECK(list.spam("rob@a.test") == "off");
    list.ask("remove eve@a.test");
    for (const auto* const path : {"eve@a.test", "ann@a.test", "b@a.test"})
        CHECK_MESSAGE(list.spam(path) == "normal", path);
    list.check_same({"eve@a.test", "rob@a.test", "r@a.test", "new@a.test"});
}

TEST_CASE("a mailbox that is disabled is so under each of its addresses, until it is enabled") {
    List list;
    list.ask("add bob@a.test;manual;+b@a.test");
    list.ask("disable bob@a.test");
    CHECK(list.settings.of("b+x@a.test").disabled());
    CHECK_FALSE(list.settings.of("eve@a.test").disabled());
    list.ask("enable bob@a.test");
    CHECK_FALSE(list.settings.of("bob@a.test").disabled());
}
