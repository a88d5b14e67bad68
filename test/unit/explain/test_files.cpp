#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "explain/files.hpp"
#include "samples.hpp"

using explain::FileLimits;
using explain::Files;

namespace {

std::vector<std::string> names_in(const std::string& directory) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory))
        names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
}

std::uint64_t size_of(const std::string& directory) {
    std::uint64_t size = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory))
        size += entry.file_size();
    return size;
}

struct Answer {
    std::vector<std::string> texts;
    std::size_t left_out = 0;
};

Answer search(const std::string& directory, const std::string& name, std::size_t most = 100) {
    const std::atomic<bool> stop{false};
    Answer answer;
    const auto found = explain::search(directory, name, most, answer.left_out, stop);
    REQUIRE(found);
    for (const auto& one : *found)
        answer.texts.push_back(one.text);
    return answer;
}

void set_time(const std::string& path, std::int64_t seconds) {
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
}

}  // namespace

using Texts = std::vector<std::string>;

TEST_CASE("what was written is found by each name, also by the next process") {
    const TemporaryDirectory directory;
    const auto path = directory.path() + "/why";
    CHECK(search(path, kId).texts.empty());  // nothing is there yet
    {
        Files files(path, {});
        REQUIRE(files.append(record_of("one") + record_of("other", kOtherId, "6AQ2", "<c@d.test>"), 1000));
    }
    Files files(path, {});
    REQUIRE(files.append(record_of("two"), 1001));
    for (const auto* const name : {kId, "6AQ1", "<a@b.test>"})
        CHECK(search(path, name).texts == Texts{"one", "two"});
    CHECK(search(path, kOtherId).texts == Texts{"other"});
    CHECK(search(path, "6AQ3").texts.empty());
    CHECK(names_in(path).size() == 2);  // each process has its own
}

TEST_CASE("records of one mail stand together, mails in their order") {
    const TemporaryDirectory directory;
    Files files(directory.path(), {});
    for (const auto* const text : {"a", "b"})
        for (const auto* const id : {kId, kOtherId})
            REQUIRE(files.append(record_of(text + std::string(id), id), 1000));
    CHECK(search(directory.path(), "6AQ1").texts == Texts{std::string("a") + kId, std::string("b") + kId,
                                                          std::string("a") + kOtherId, std::string("b") + kOtherId});
}

TEST_CASE("of many records the newest are given, and the others counted") {
    const TemporaryDirectory directory;
    Files files(directory.path(), {});
    for (int i = 0; i < 10; ++i)
        REQUIRE(files.append(record_of(std::to_string(i)), 1000));
    const auto answer = search(directory.path(), kId, 3);
    CHECK(answer.texts == Texts{"7", "8", "9"});
    CHECK(answer.left_out == 7);
}

TEST_CASE("directory and files are for the owner and its group") {
    const TemporaryDirectory directory;
    const auto before = ::umask(022);
    const auto path = directory.path() + "/new";
    Files files(path, {});
    REQUIRE(files.append(record_of("x"), 1000));
    ::umask(before);
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0750);
    REQUIRE(::stat((path + "/" + names_in(path).front()).c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0640);
}

TEST_CASE("a directory that cannot be is an error, at each try") {
    const TemporaryDirectory directory;
    std::ofstream(directory.path() + "/file") << "x";
    Files files(directory.path() + "/file", {});
    CHECK_FALSE(files.append(record_of("x"), 1000));
    CHECK_FALSE(files.append(record_of("x"), 1000));
    std::filesystem::remove(directory.path() + "/file");
    CHECK(files.append(record_of("x"), 1000));
}

TEST_CASE("all files together never pass the limit, and the newest stay") {
    const TemporaryDirectory directory;
    const FileLimits limits{.size = 1 << 20};
    Files files(directory.path(), limits);
    for (unsigned i = 0; i < 400; ++i) {
        REQUIRE(files.append(record_of(noise(10'000, i), kId, std::to_string(i)), 1000));
        REQUIRE(size_of(directory.path()) <= limits.size);
    }
    CHECK(names_in(directory.path()).size() <= 8);
    CHECK(search(directory.path(), "399").texts == Texts{noise(10'000, 399)});
    CHECK(search(directory.path(), "330").texts == Texts{noise(10'000, 330)});
    CHECK(search(directory.path(), "200").texts.empty());
    // A lower limit holds at once.
    files.set_limits({.size = 300'000});
    REQUIRE(files.forget(1000));
    CHECK(size_of(directory.path()) <= 300'000);
    CHECK(search(directory.path(), "399").texts.size() == 1);
}

TEST_CASE("what is too old goes, with and without new mail") {
    const TemporaryDirectory directory;
    const FileLimits limits{.keep = std::chrono::seconds(800)};
    Files files(directory.path(), limits);
    REQUIRE(files.append(record_of("old", kId, "1"), 1000));
    REQUIRE(files.append(record_of("old", kId, "2"), 1100));
    CHECK(names_in(directory.path()).size() == 1);
    REQUIRE(files.append(record_of("new", kId, "3"), 1101));  // the first file holds an eighth of the time
    auto names = names_in(directory.path());
    REQUIRE(names.size() == 2);
    set_time(directory.path() + "/" + names[0], 1100);
    set_time(directory.path() + "/" + names[1], 1101);
    REQUIRE(files.forget(1900));
    CHECK(names_in(directory.path()) == names);
    REQUIRE(files.forget(1901));
    CHECK(names_in(directory.path()) == std::vector{names[1]});
    CHECK(search(directory.path(), kId).texts == Texts{"new"});
}

TEST_CASE("many small files are bounded, too, and other files are left alone") {
    const TemporaryDirectory directory;
    std::ofstream(directory.path() + "/why.txt") << "mine";
    for (std::size_t i = 0; i < explain::kMaxFiles + 20; ++i)
        REQUIRE(Files(directory.path(), {}).append(record_of(std::to_string(i), kId, std::to_string(i)), 1000));
    CHECK(names_in(directory.path()).size() == explain::kMaxFiles + 1);
    CHECK(search(directory.path(), std::to_string(explain::kMaxFiles + 19)).texts.size() == 1);
    CHECK(search(directory.path(), "0").texts.empty());
    CHECK(std::filesystem::exists(directory.path() + "/why.txt"));
}

TEST_CASE("a file that somebody removed or a clock that was set back begins a new one") {
    const TemporaryDirectory directory;
    Files files(directory.path(), {});
    REQUIRE(files.append(record_of("a"), 1000));
    std::filesystem::remove(directory.path() + "/" + names_in(directory.path()).front());
    REQUIRE(files.append(record_of("b"), 1000));
    CHECK(search(directory.path(), kId).texts == Texts{"b"});
    REQUIRE(files.append(record_of("c"), 999));
    CHECK(names_in(directory.path()).size() == 2);
    CHECK(search(directory.path(), kId).texts == Texts{"b", "c"});
}

TEST_CASE("a torn end of a file does not hide what another process writes") {
    const TemporaryDirectory directory;
    const auto whole = record_of("whole");
    REQUIRE(Files(directory.path(), {}).append(whole + whole.substr(0, whole.size() - 1), 1000));
    REQUIRE(Files(directory.path(), {}).append(record_of("next"), 1000));
    CHECK(search(directory.path(), kId).texts == Texts{"whole", "next"});
}

TEST_CASE("a link in a file's place is not followed") {
    const TemporaryDirectory directory;
    std::ofstream(directory.path() + "/elsewhere") << record_of("x");
    std::filesystem::create_symlink(directory.path() + "/elsewhere", directory.path() + "/why." + kId);
    CHECK(search(directory.path(), kId).texts.empty());
}
