// The user list as a source of recipients.
#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>

#include "directory/user_list_sqlite.hpp"
#include "directory/user_oracle.hpp"

using directory::UserEntry;
using directory::UserOracle;
using policy::Knowledge;

namespace {

struct Folder {
    Folder() {
        char name[] = "/tmp/sandwich-users-XXXXXX";
        path = ::mkdtemp(name);
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string path;
};

policy::SourceAnswer ask(UserOracle& oracle, const char* address) {
    return oracle.answer(*policy::parse_recipient(address));
}

}  // namespace

TEST_CASE("who stands in the list is known, and nobody is unknown of a domain of which nobody does") {
    const Folder folder;
    const auto open = directory::embedded_user_store(folder.path);
    UserOracle oracle(open);
    CHECK(ask(oracle, "bob@a.test").knowledge == Knowledge::kElsewhere);  // a list that is new
    auto list = open();
    REQUIRE(list);
    const UserEntry entries[] = {{"bob@a.test", "manual", {"sales@a.test", "bob@far.test"}, {}}};
    REQUIRE((*list)->add(entries, 0));
    CHECK(ask(oracle, "Bob@A.test").knowledge == Knowledge::kKnown);
    CHECK(ask(oracle, "bob@a.test").mailbox == "bob@a.test");
    CHECK(ask(oracle, "SALES@a.test").mailbox == "bob@a.test");
    CHECK(ask(oracle, "sales+x@a.test").mailbox == "bob@a.test");
    CHECK(ask(oracle, "bob@far.test").mailbox == "bob@a.test");
    CHECK(ask(oracle, "eve@a.test").knowledge == Knowledge::kUnknown);
    CHECK(ask(oracle, "eve+bob@a.test").knowledge == Knowledge::kUnknown);
    CHECK(ask(oracle, "eve@far.test").knowledge == Knowledge::kElsewhere);
    CHECK(ask(oracle, "\"two words\"@a.test").knowledge == Knowledge::kCannotTell);
}

TEST_CASE("a list that cannot be had is down, and is opened anew") {
    const Folder folder;
    bool there = false;
    UserOracle oracle([&, open = directory::embedded_user_store(folder.path)] {
        return there ? open() : base::Result<std::unique_ptr<directory::UserStore>>(base::error("nowhere"));
    });
    CHECK(ask(oracle, "bob@a.test").knowledge == Knowledge::kDown);
    CHECK(ask(oracle, "bob@a.test").detail == "nowhere");
    there = true;
    CHECK(ask(oracle, "bob@a.test").knowledge == Knowledge::kElsewhere);
}
