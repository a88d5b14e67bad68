#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>
#include <vector>

#include "journal/files.hpp"
#include "samples.hpp"

using journal::Files;
using journal::Kind;
using journal::Record;

namespace {

// Keeps what it is given; "|" stands for a new file.
struct Kept final : Files::Reader {
    void on_record(const Record& record) override { kinds += static_cast<char>(record.kind); }
    void on_new_file() override { kinds += '|'; }
    std::string kinds;
};

std::string records(std::string_view kinds) {
    std::string octets;
    for (const char kind : kinds)
        octets += encoded(record_of(static_cast<Kind>(kind), "x"));
    return octets;
}

Files open(const std::string& directory, Kept& kept, journal::FileLimits limits = {}, std::uint32_t now = 1000) {
    auto files = Files::open(directory, limits, now, kept);
    REQUIRE(files);
    return std::move(*files);
}

std::uintmax_t size_of(const TemporaryDirectory& directory, const char* name) {
    return std::filesystem::file_size(directory.path() + "/" + name);
}

}  // namespace

TEST_CASE("what was appended is read by the next process") {
    const TemporaryDirectory directory;
    Kept kept;
    {
        auto files = open(directory.path(), kept);
        REQUIRE(files.append(records("ID"), 1000, kept));
        REQUIRE(files.append(records("I"), 1001, kept));
        CHECK(kept.kinds == "|");  // one's own records do not come back
    }
    Kept again;
    open(directory.path(), again);
    CHECK(again.kinds == "|IDI");
}

TEST_CASE("the directory is made, for nobody else's eyes") {
    const TemporaryDirectory directory;
    Kept kept;
    open(directory.path() + "/new", kept);
    struct stat status {};
    REQUIRE(::stat((directory.path() + "/new").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0700);
    REQUIRE(::stat((directory.path() + "/new/journal").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("a directory that is none, or a link in the journal's place, is an error") {
    const TemporaryDirectory directory;
    Kept kept;
    std::ofstream(directory.path() + "/file") << "x";
    CHECK_FALSE(Files::open(directory.path() + "/file", {}, 1000, kept));
    CHECK_FALSE(Files::open(directory.path() + "/no/parent", {}, 1000, kept));
    std::filesystem::create_symlink("/dev/null", directory.path() + "/journal");
    CHECK_FALSE(Files::open(directory.path(), {}, 1000, kept));
}

TEST_CASE("a full file becomes the old one, and the old one goes") {
    const TemporaryDirectory directory;
    Kept kept;
    auto files = open(directory.path(), kept, {.size = 4 * journal::kRecordSize, .age = std::chrono::hours(1)});
    for (int i = 0; i < 6; ++i)
        REQUIRE(files.append(records("ID"), 1000, kept));
    CHECK(kept.kinds == "|||");
    CHECK(size_of(directory, "journal") == 4 * journal::kRecordSize);
    CHECK(size_of(directory, "journal.old") == 4 * journal::kRecordSize);
    Kept again;
    open(directory.path(), again);
    CHECK(again.kinds == "IDID|IDID");
}

TEST_CASE("an old file makes room for a new one") {
    const TemporaryDirectory directory;
    Kept kept;
    auto files = open(directory.path(), kept, {.size = 1 << 20, .age = std::chrono::seconds(10)});
    REQUIRE(files.append(records("I"), 1000, kept));
    REQUIRE(files.append(records("D"), 1010, kept));
    CHECK(kept.kinds == "|");
    REQUIRE(files.append(records("Q"), 1011, kept));
    CHECK(kept.kinds == "||");
    Kept again;
    open(directory.path(), again);
    CHECK(again.kinds == "ID|Q");
}

TEST_CASE("the age of a file counts from its first record, also for the next process") {
    const TemporaryDirectory directory;
    Kept kept;
    const journal::FileLimits limits{.size = 1 << 20, .age = std::chrono::seconds(10)};
    REQUIRE(open(directory.path(), kept, limits).append(records("I"), 1000, kept));
    auto files = open(directory.path(), kept, limits, 1009);
    kept.kinds.clear();
    REQUIRE(files.append(records("D"), 1011, kept));
    CHECK(kept.kinds == "|");
}

TEST_CASE("a torn record costs itself only") {
    const TemporaryDirectory directory;
    Kept kept;
    REQUIRE(open(directory.path(), kept).append(records("IQ"), 1000, kept));
    for (const std::uintmax_t cut : {1U, 37U, 63U}) {
        std::filesystem::resize_file(directory.path() + "/journal", journal::kRecordSize + cut);
        Kept reader;
        auto files = open(directory.path(), reader);
        CHECK(reader.kinds == "|I");
        REQUIRE(files.append(records("D"), 1000, reader));
        REQUIRE(files.append(records("X"), 1000, reader));
        Kept again;
        open(directory.path(), again);
        CHECK(again.kinds == "|IDX");
    }
}

TEST_CASE("what another process appends is read, in between and after its new file") {
    const TemporaryDirectory directory;
    Kept one_kept;
    Kept other_kept;
    const journal::FileLimits limits{.size = 4 * journal::kRecordSize, .age = std::chrono::hours(1)};
    auto one = open(directory.path(), one_kept, limits);
    auto other = open(directory.path(), other_kept, limits);
    REQUIRE(one.append(records("I"), 1000, one_kept));
    REQUIRE(other.catch_up(other_kept));
    CHECK(other_kept.kinds == "|I");
    REQUIRE(other.append(records("DQ"), 1000, other_kept));
    REQUIRE(one.catch_up(one_kept));
    CHECK(one_kept.kinds == "|DQ");
    REQUIRE(other.append(records("XW"), 1000, other_kept));  // too much for the file
    REQUIRE(one.catch_up(one_kept));
    CHECK(one_kept.kinds == "|DQ|XW");
    REQUIRE(one.append(records("C"), 1000, one_kept));
    Kept again;
    open(directory.path(), again, limits);
    CHECK(again.kinds == "IDQ|XWC");
}

TEST_CASE("a file that somebody removed is made anew") {
    const TemporaryDirectory directory;
    Kept kept;
    auto files = open(directory.path(), kept);
    REQUIRE(files.append(records("I"), 1000, kept));
    std::filesystem::remove(directory.path() + "/journal");
    REQUIRE(files.catch_up(kept));
    REQUIRE(files.append(records("D"), 1000, kept));
    Kept again;
    open(directory.path(), again);
    CHECK(again.kinds == "|D");
}
