#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "supervisor/signature_watch.hpp"

using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

// A directory, a watch over it that has loaded what is there, and a clock of the test's own.
struct Fixture {
    Fixture() {
        std::string name = "/tmp/sandwich-unit-XXXXXX";
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
        write("main.cvd", "1");
        watch.set({path}, 60s, now);
        watch.loading();
    }
    ~Fixture() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
    Fixture(const Fixture&) = delete;
    Fixture& operator=(const Fixture&) = delete;

    void write(const std::string& name, const std::string& text) const { std::ofstream(path + "/" + name) << text; }
    // Goes to the next look.
    bool look() {
        REQUIRE(watch.due());
        now = *watch.due();
        return watch.changed(now);
    }
    // Whether the next looks, more than enough of them, find something to load.
    bool finds_something() {
        bool found = false;
        for (int i = 0; i < 5 && !found; ++i)
            found = look();
        return found;
    }

    std::string path;
    supervisor::SignatureWatch::Time now{};
    supervisor::SignatureWatch watch;
};

}  // namespace

TEST_CASE("what does not change is not loaded") {
    Fixture f;
    CHECK_FALSE(f.finds_something());
    CHECK_FALSE(f.watch.changed(f.now));  // not due
}

TEST_CASE("a new, a longer, a replaced and a removed file are each found once, when they have come to rest") {
    Fixture f;
    const auto found_once = [&f] {
        CHECK_FALSE(f.look());  // it may not be whole
        CHECK(*f.watch.due() - f.now < 60s);
        CHECK(f.look());
        f.watch.loading();
        CHECK_FALSE(f.finds_something());
    };
    f.write("daily.cvd", "1");
    found_once();
    f.write("daily.cvd", "12");
    found_once();
    f.write("update.new", "34");
    fs::rename(f.path + "/update.new", f.path + "/daily.cvd");
    found_once();
    fs::remove(f.path + "/daily.cvd");
    found_once();
}

TEST_CASE("what keeps changing is waited for") {
    Fixture f;
    for (int i = 1; i < 10; ++i) {
        f.write("daily.cvd", std::string(static_cast<std::size_t>(i), 'x'));
        CHECK_FALSE(f.look());
    }
    CHECK(f.look());
}

TEST_CASE("what changed while it was loaded is loaded again") {
    Fixture f;
    f.write("daily.cvd", "1");
    CHECK(f.finds_something());
    f.watch.loading();
    f.write("daily.cvd", "12");
    CHECK(f.finds_something());
}

TEST_CASE("freshclam's own files are no signatures") {
    Fixture f;
    for (const std::string name : {"freshclam.dat", "x.tmp", ".hidden.cvd", "tmp.d2f.cvd", "x.new"})
        f.write(name, "1");
    fs::create_directory(f.path + "/tmp.1234");
    CHECK_FALSE(f.finds_something());
}

TEST_CASE("without an interval nobody looks; a directory that is missing is empty") {
    Fixture f;
    f.watch.set({f.path}, 0s, f.now);
    CHECK_FALSE(f.watch.due());
    CHECK_FALSE(f.watch.changed(f.now + 24h));
    f.watch.set({f.path + "/none"}, 1s, f.now);
    f.watch.loading();
    CHECK_FALSE(f.finds_something());
}
