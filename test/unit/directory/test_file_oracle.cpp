// Answers out of files that change: nobody is refused for what is being written just now.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <list>
#include <map>
#include <thread>

#include "directory/file_oracle.hpp"

using directory::FileOracle;
using directory::ListOracle;
using directory::MapsOracle;
using policy::Knowledge;

namespace {

struct Folder {
    Folder() {
        char name[] = "/tmp/sandwich-oracle-XXXXXX";
        path = ::mkdtemp(name);
    }
    ~Folder() { std::filesystem::remove_all(path); }
    [[nodiscard]] std::string operator/(const char* name) const { return path + "/" + name; }
    void write(const char* name, const std::string& text) const { std::ofstream(*this / name) << text; }
    std::string path;
};

Knowledge ask(FileOracle& oracle, const char* address) {
    return oracle.answer(*policy::parse_recipient(address)).knowledge;
}

// Asks until the answer is this one: the files become quiet meanwhile.
bool becomes(FileOracle& oracle, const char* address, Knowledge wanted) {
    for (int i = 0; i < 500; ++i) {
        if (ask(oracle, address) == wanted)
            return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
}

}  // namespace

TEST_CASE("a list that has just been written knows, and does not know who is unknown") {
    const Folder folder;
    folder.write("list", "bob@x.test\n");
    ListOracle oracle("list a", folder / "list");
    CHECK(ask(oracle, "bob@x.test") == Knowledge::kKnown);
    CHECK(ask(oracle, "eve@x.test") == Knowledge::kDown);
    CHECK(becomes(oracle, "eve@x.test", Knowledge::kUnknown));
    folder.write("list", "eve@x.test\n");
    // The version before still counts for whom it knows.
    CHECK(ask(oracle, "bob@x.test") == Knowledge::kKnown);
    CHECK(ask(oracle, "eve@x.test") == Knowledge::kDown);
    CHECK(becomes(oracle, "eve@x.test", Knowledge::kKnown));
    CHECK(becomes(oracle, "bob@x.test", Knowledge::kUnknown));
}

TEST_CASE("a list that is gone or broken refuses nobody, and comes back by itself") {
    const Folder folder;
    ListOracle oracle("list a", folder / "list");
    CHECK(ask(oracle, "bob@x.test") == Knowledge::kDown);
    folder.write("list", "bob@x.test\n");
    CHECK(becomes(oracle, "eve@x.test", Knowledge::kUnknown));
    folder.write("list", "bob@x.test\nnonsense\n");
    CHECK(becomes(oracle, "eve@x.test", Knowledge::kDown));
    std::this_thread::sleep_for(FileOracle::kQuiet + FileOracle::kRetry);
    CHECK(ask(oracle, "bob@x.test") == Knowledge::kKnown);
    CHECK(ask(oracle, "eve@x.test") == Knowledge::kDown);
    CHECK(oracle.describe().find("CANNOT BE READ") != std::string::npos);
    std::filesystem::remove(folder / "list");
    CHECK(ask(oracle, "eve@x.test") == Knowledge::kDown);
    folder.write("list", "eve@x.test\n");
    CHECK(becomes(oracle, "eve@x.test", Knowledge::kKnown));
}

TEST_CASE("every file that sendmail.cf names is watched, and sendmail.cf, too") {
    // What a line more in the file makes of an address.
    struct Change {
        const char* file;
        const char* line;
        const char* address;
        Knowledge knowledge;
        const char* detail;
    };
    constexpr Change kChanges[] = {
        {"aliases", "eve: bob\n", "eve@x.test", Knowledge::kKnown, "alias eve"},
        {"passwd", "kim:x:2:2::/:/bin/sh\n", "kim@x.test", Knowledge::kKnown, "user kim"},
        {"virt", "new@x.test bob\n", "new@x.test", Knowledge::kKnown, "virtusertable new@x.test: bob; user bob"},
        {"names", "y.test\n", "bob@y.test", Knowledge::kKnown, "user bob"},
        {"routes", "box.test local:bob\n", "any@box.test", Knowledge::kKnown, "user bob"},
        {"relayed", "relay.test\n", "any@relay.test", Knowledge::kElsewhere, "a relayed domain"},
        {"cf", "Cwz.test\n", "bob@z.test", Knowledge::kKnown, "user bob"},
    };
    struct Watched {
        explicit Watched(const Change& change) : change(change) {
            files = {{"cf", "SParse0\nSParse1\nMlocal, P=x, F=lAw5\nFw" + (folder / "names") + "\nFR" +
                                (folder / "relayed") + "\nO AliasFile=" + (folder / "aliases") + "\nKvirtuser text " +
                                (folder / "virt") + "\nKmailertable text " + (folder / "routes") + "\n"},
                     {"names", "x.test\n"},
                     {"relayed", "far.test\n"},
                     {"aliases", "sales: bob\n"},
                     {"virt", "info@x.test bob\n"},
                     {"routes", "hub.test esmtp:[192.0.2.1]\n"},
                     {"passwd", "bob:x:1:1::/:/bin/sh\n"}};
            for (const auto& [name, text] : files)
                folder.write(name.c_str(), text);
        }
        [[nodiscard]] policy::SourceAnswer about(const char* address) {
            return oracle.answer(*policy::parse_recipient(address));
        }
        // Waits for the answer that the change makes.
        [[nodiscard]] bool tells() {
            for (int i = 0; i < 500; ++i) {
                const auto answer = about(change.address);
                if (answer.knowledge == change.knowledge && answer.detail == change.detail)
                    return true;
                std::this_thread::sleep_for(std::chrono::milliseconds(20));
            }
            return false;
        }
        const Change& change;
        const Folder folder{};
        std::map<std::string, std::string> files;
        MapsOracle oracle{"maps a", folder / "cf", folder / "passwd"};
    };
    // Each by itself, all at the same time.
    std::list<Watched> all;
    for (const auto& change : kChanges)
        all.emplace_back(change);
    for (auto& one : all) {
        REQUIRE(becomes(one.oracle, "nosuch@x.test", Knowledge::kUnknown));
        for (const auto* const known : {"bob@x.test", "sales@x.test", "info@x.test"})
            CHECK(ask(one.oracle, known) == Knowledge::kKnown);
        CHECK(one.about("any@hub.test").detail == "mailertable hub.test: esmtp:[192.0.2.1]");
        CHECK(one.about("any@far.test").detail == "a relayed domain");
        CHECK(one.about("any@other.test").detail == "not a local domain");
        CHECK(one.about(one.change.address).detail != one.change.detail);
    }
    for (auto& one : all)
        one.folder.write(one.change.file, one.files.at(one.change.file) + one.change.line);
    for (auto& one : all) {
        CHECK_MESSAGE(one.tells(), std::string(one.change.file));
        CHECK(becomes(one.oracle, "nosuch@x.test", Knowledge::kUnknown));
    }
    auto& virt = *std::ranges::find(all, std::string_view("virt"), [](const Watched& one) { return one.change.file; });
    std::filesystem::remove(virt.folder / "virt");
    CHECK(becomes(virt.oracle, "nosuch@x.test", Knowledge::kDown));
    CHECK(ask(virt.oracle, "new@x.test") == Knowledge::kKnown);
}
