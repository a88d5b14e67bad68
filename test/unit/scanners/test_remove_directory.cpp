// libclamav's temporary directories go as libclamav would remove them: with all that is in them, and nothing else.
#include <clamav.h>
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "scanners/clamav/remove_directory.hpp"

extern "C" int cli_rmdirs(const char* name);

namespace fs = std::filesystem;

namespace {

// A directory "in" to be removed, and "out" beside it.
class Scratch {
  public:
    Scratch() {
        scanners::clamav::link_remove_directory();
        std::string name = (fs::temp_directory_path() / "sandwich-unit.XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        top_ = name;
        fs::create_directory(in());
        fs::create_directory(out());
        write(out() / "kept");
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() { fs::remove_all(top_); }

    fs::path in() const { return top_ / "in"; }
    fs::path out() const { return top_ / "out"; }
    static void write(const fs::path& path) { std::ofstream(path) << "text"; }

    void check_removed() const {
        CHECK(cli_rmdirs(in().c_str()) == 0);
        CHECK(!fs::exists(fs::symlink_status(in())));
        CHECK(fs::exists(out() / "kept"));
    }

  private:
    fs::path top_;
};

}  // namespace

TEST_CASE("an empty directory is removed") {
    const Scratch scratch;
    scratch.check_removed();
}

TEST_CASE("a directory of few or many files is removed") {
    for (const int count : {1, 2, 500}) {
        const Scratch scratch;
        for (int i = 0; i < count; ++i)
            Scratch::write(scratch.in() / ("clamav-" + std::to_string(i) + ".tmp"));
        Scratch::write(scratch.in() / ".hidden");
        Scratch::write(scratch.in() / std::string(255, 'n'));
        scratch.check_removed();
    }
}

TEST_CASE("directories in directories are removed") {
    const Scratch scratch;
    fs::create_directories(scratch.in() / "one" / "two");
    Scratch::write(scratch.in() / "one" / "two" / "file");
    Scratch::write(scratch.in() / "one" / "file");
    Scratch::write(scratch.in() / "file");
    scratch.check_removed();
}

TEST_CASE("links are removed, not what they point at") {
    const Scratch scratch;
    fs::create_symlink(scratch.out(), scratch.in() / "directory");
    fs::create_symlink(scratch.out() / "kept", scratch.in() / "file");
    fs::create_symlink("nowhere", scratch.in() / "nothing");
    fs::create_hard_link(scratch.out() / "kept", scratch.in() / "hard");
    scratch.check_removed();
}

TEST_CASE("what is no directory is an error, as with libclamav") {
    const Scratch scratch;
    CHECK(cli_rmdirs((scratch.in() / "missing").c_str()) == -1);
    Scratch::write(scratch.in() / "file");
    CHECK(cli_rmdirs((scratch.in() / "file").c_str()) == -1);
    CHECK(fs::exists(scratch.in() / "file"));
}
