// What a worker may leave behind, and that nothing outside is touched.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/unique_fd.hpp"
#include "scanners/worker/temporary_directory.hpp"

namespace fs = std::filesystem;

namespace {

struct Scratch {
    Scratch() {
        std::string name = "/tmp/sandwich-unit.XXXXXX";
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Scratch() {
        CHECK(scanners::empty_directory(path));
        std::error_code ignored;
        fs::remove(path, ignored);
    }
    std::string path;
};

}  // namespace

TEST_CASE("files, links and directories go; what links lead to stays") {
    const Scratch scratch;
    const Scratch outside;
    std::ofstream(outside.path + "/keep") << "x";
    std::ofstream(scratch.path + "/file") << "x";
    fs::create_directories(scratch.path + "/a/b/c");
    std::ofstream(scratch.path + "/a/b/file") << "x";
    fs::create_directory_symlink(outside.path, scratch.path + "/a/link");
    fs::create_directory_symlink(outside.path, scratch.path + "/link");
    REQUIRE(scanners::empty_directory(scratch.path));
    CHECK(fs::is_empty(scratch.path));
    CHECK(fs::exists(outside.path + "/keep"));
}

TEST_CASE("an empty directory is told from one that is not") {
    const Scratch scratch;
    const base::UniqueFd directory(::open(scratch.path.c_str(), O_RDONLY | O_DIRECTORY));
    CHECK(scanners::is_empty_directory(directory.get()));
    std::ofstream(scratch.path + "/.hidden") << "x";
    CHECK_FALSE(scanners::is_empty_directory(directory.get()));
    for (int i = 0; i < 100; ++i)
        std::ofstream(scratch.path + "/file" + std::to_string(i)) << "x";
    CHECK_FALSE(scanners::is_empty_directory(directory.get()));
    REQUIRE(scanners::empty_directory(scratch.path));
    CHECK(scanners::is_empty_directory(directory.get()));
    CHECK(scanners::is_empty_directory(directory.get()));
    const base::UniqueFd file(::open("/dev/null", O_RDONLY));
    CHECK_FALSE(scanners::is_empty_directory(file.get()));
}

TEST_CASE("nesting deeper than any path name is no obstacle") {
    const Scratch scratch;
    base::UniqueFd at(::open(scratch.path.c_str(), O_RDONLY | O_DIRECTORY));
    for (int depth = 0; depth < 3000; ++depth) {
        REQUIRE(::mkdirat(at.get(), "directory", 0700) == 0);
        at.reset(::openat(at.get(), "directory", O_RDONLY | O_DIRECTORY));
        REQUIRE(at);
    }
    REQUIRE(scanners::empty_directory(scratch.path));
    CHECK(fs::is_empty(scratch.path));
}

TEST_CASE("names that look like ours do not confuse it") {
    const Scratch scratch;
    for (int i = 1; i < 20; ++i)
        fs::create_directories(scratch.path + "/.moved-" + std::to_string(i) + "/.moved-" + std::to_string(i + 1) +
                               "/x");
    REQUIRE(scanners::empty_directory(scratch.path));
    CHECK(fs::is_empty(scratch.path));
}

TEST_CASE("what cannot be removed is an error, not an endless loop") {
    CHECK_FALSE(scanners::empty_directory("/nonexistent/directory"));
}
