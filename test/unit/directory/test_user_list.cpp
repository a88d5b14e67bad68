#include <doctest/doctest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>

#include "directory/user_list.hpp"

using directory::Sighting;
using directory::UserList;

namespace {

// What was recorded, by a store that can be broken; it outlives the list.
struct Book {
    std::mutex mutex;
    std::vector<std::string> seen;
    std::thread::id thread;
    std::atomic<bool> broken{false};
    std::atomic<unsigned> batches{0};
};

class BookStore final : public directory::UserStore {
  public:
    explicit BookStore(Book& book) : book_(book) {}
    base::Result<std::uint64_t> record(std::span<const Sighting> sightings, std::uint64_t limit) override {
        if (book_.broken)
            return base::error("broken");
        const std::lock_guard lock(book_.mutex);
        for (const auto& one : sightings)
            book_.seen.push_back(one.address + "=" + one.mailbox + " " + one.source);
        book_.thread = std::this_thread::get_id();
        ++book_.batches;
        return std::uint64_t{0};
    }
    base::Status add(std::span<const directory::UserEntry>, std::int64_t) override { return base::ok(); }
    base::Status remove(const std::string&) override { return base::error("none"); }
    base::Status set(const std::string&, const std::string&, const std::optional<std::string>&) override {
        return base::ok();
    }
    base::Result<std::optional<directory::User>> find(const std::string&) override {
        return std::optional<directory::User>();
    }
    base::Result<std::vector<directory::UserSetting>> domain_settings(const std::string&) override {
        return std::vector<directory::UserSetting>();
    }
    base::Result<std::vector<directory::User>> page(const directory::UserFilter&, const std::string&,
                                                    std::size_t) override {
        return std::vector<directory::User>();
    }
    base::Result<std::vector<directory::UserDomain>> domains(const std::string&, std::size_t) override {
        return std::vector<directory::UserDomain>();
    }
    base::Status each_with_settings(const std::function<void(const directory::User&)>& take) override {
        if (book_.broken)
            return base::error("broken");
        take({"vip@a.test", "manual", 0, 0, {{"v@a.test", "manual", 0, 0}}, {{"class", "gold"}}});
        return base::ok();
    }
    base::Result<directory::UserCounts> count() override { return directory::UserCounts{}; }

  private:
    Book& book_;
};

UserList::Open opener(Book& book) {
    return [&book]() -> base::Result<std::unique_ptr<directory::UserStore>> {
        return std::unique_ptr<directory::UserStore>(std::make_unique<BookStore>(book));
    };
}

// The answer to a request, on a loop of its own.
std::string answer(UserList& list, const std::string& line) {
    net::Loop loop;
    std::string text;
    list.request(loop, line, [&](base::Result<std::string> told) {
        text = told ? "ok " + *told : "error " + told.error().message;
        loop.stop();
    });
    loop.run();
    return text;
}

}  // namespace

TEST_CASE("addresses of our domains are recorded, each once an hour, together, on the list's own thread") {
    Book book;
    {
        UserList list(opener(book), {"a.test, *.b.test", 100});
        for (int i = 0; i < 3; ++i) {
            list.seen("Bob@A.test", "smtp");
            list.seen("x@sub.b.test", "smtp");
            list.seen("x@b.test", "smtp");
            list.seen("friend@far.test", "smtp");
            list.seen("not an address", "smtp");
        }
        list.seen("bob@a.test", "ldap", "Robert@a.test");
        list.seen("bob@a.test", "ldap", "no mailbox");
        CHECK(answer(list, "page * -") == "ok ");  // what was seen before is written by then
        CHECK(book.seen ==
              std::vector<std::string>{"bob@a.test= smtp", "x@sub.b.test= smtp", "bob@a.test=robert@a.test ldap"});
        CHECK(book.thread != std::this_thread::get_id());
        list.configure({"", 100});
        list.seen("ann@a.test", "smtp");
    }
    CHECK(book.seen.size() == 3);
    CHECK(book.batches == 1);
}

TEST_CASE("what waits at the end is written") {
    Book book;
    UserList(opener(book), {"a.test", 100}).seen("bob@a.test", "smtp");
    CHECK(book.seen.size() == 1);
}

TEST_CASE("a store that cannot be had or written loses what is seen, which counts anew later") {
    Book book;
    std::atomic<bool> there{false};
    const auto open = opener(book);
    UserList list(
        [&]() -> base::Result<std::unique_ptr<directory::UserStore>> {
            if (!there)
                return base::error("nowhere");
            return open();
        },
        {"a.test", 100});
    list.seen("bob@a.test", "smtp");
    CHECK(answer(list, "page * -") == "error the user list cannot be opened");
    CHECK(list.describe().find("CANNOT BE USED") != std::string::npos);
    there = true;
    CHECK(answer(list, "page * -") == "ok ");
    book.broken = true;
    list.seen("bob@a.test", "smtp");
    CHECK(answer(list, "page * -") == "ok ");
    CHECK(book.seen.empty());
    book.broken = false;
    list.seen("bob@a.test", "smtp");
    CHECK(answer(list, "page * -") == "ok ");
    CHECK(book.seen.size() == 1);
    CHECK(list.describe() == "0 mailboxes, 0 aliases");
}

TEST_CASE("settings count from the first moment on; while they cannot be read that is known") {
    Book book;
    const auto of = [](const UserList& list, const char* path) {
        return std::string(list.settings(path).value(policy::Setting::kClass));
    };
    {
        const UserList list(opener(book), {"", 100});
        CHECK(list.settings_known());
        CHECK(of(list, "VIP@a.test") == "gold");
        CHECK(of(list, "v+x@a.test") == "gold");
        CHECK(of(list, "eve@a.test").empty());
    }
    book.broken = true;
    UserList list(opener(book), {"", 100});
    CHECK_FALSE(list.settings_known());
    CHECK(list.describe().find("CANNOT BE USED") != std::string::npos);
    book.broken = false;
    CHECK(answer(list, "page * -") == "ok ");
    CHECK(list.settings_known());
    CHECK(of(list, "v@a.test") == "gold");
}

TEST_CASE("settings follow addresses that a source folds, and what sandwichctl changes counts once it is answered") {
    char folder[] = "/tmp/sandwich-users-XXXXXX";
    REQUIRE(::mkdtemp(folder) != nullptr);
    {
        UserList list(directory::embedded_user_store(folder), {"a.test", 100});
        const auto of = [&list](const char* path) {
            return std::string(list.settings(path).value(policy::Setting::kClass));
        };
        CHECK(answer(list, "add bob@a.test;manual;!class=gold\tx@a.test;ldap;!class=lab") == "ok ");
        CHECK(of("bob@a.test") == "gold");
        list.seen("b@a.test", "ldap", "bob@a.test");
        list.seen("x@a.test", "ldap", "ann@a.test");
        CHECK(answer(list, "page * -").starts_with("ok ann@a.test"));
        CHECK(of("b@a.test") == "gold");
        CHECK(of("ann@a.test") == "lab");
        CHECK(of("x@a.test") == "lab");
        CHECK(answer(list, "disable ann@a.test") == "ok ");
        CHECK(list.settings("x@a.test").disabled());
        CHECK(answer(list, "unset bob@a.test class") == "ok ");
        CHECK(of("b@a.test").empty());
    }
    std::filesystem::remove_all(folder);
}
