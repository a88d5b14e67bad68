// Answers out of files that change: nobody is refused for what is being written just now.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
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

TEST_CASE("every file that sendmail.cf names is watched") {
    const Folder folder;
    folder.write("cf", "SParse0\nSParse1\nMlocal, P=x, F=lAw5\nFw" + (folder / "names") +
                           "\nO AliasFile=" + (folder / "aliases") + "\nKvirtuser text " + (folder / "virt") + "\n");
    folder.write("names", "x.test\n");
    folder.write("aliases", "sales: bob\n");
    folder.write("virt", "info@x.test bob\n");
    folder.write("passwd", "bob:x:1:1::/:/bin/sh\n");
    MapsOracle oracle("maps a", folder / "cf", folder / "passwd");
    CHECK(becomes(oracle, "nosuch@x.test", Knowledge::kUnknown));
    for (const auto* const known : {"bob@x.test", "sales@x.test", "info@x.test"})
        CHECK(ask(oracle, known) == Knowledge::kKnown);
    CHECK(ask(oracle, "bob@y.test") == Knowledge::kElsewhere);
    CHECK(ask(oracle, "eve@x.test") == Knowledge::kUnknown);
    folder.write("aliases", "sales: bob\neve: bob\n");
    CHECK(becomes(oracle, "eve@x.test", Knowledge::kKnown));
    folder.write("passwd", "bob:x:1:1::/:/bin/sh\nkim:x:2:2::/:/bin/sh\n");
    CHECK(becomes(oracle, "kim@x.test", Knowledge::kKnown));
    folder.write("virt", "info@x.test bob\nnew@x.test bob\n");
    CHECK(becomes(oracle, "new@x.test", Knowledge::kKnown));
    folder.write("names", "x.test\ny.test\n");
    CHECK(becomes(oracle, "bob@y.test", Knowledge::kKnown));
    std::filesystem::remove(folder / "virt");
    CHECK(becomes(oracle, "nosuch@x.test", Knowledge::kDown));
    CHECK(ask(oracle, "new@x.test") == Knowledge::kKnown);
}
