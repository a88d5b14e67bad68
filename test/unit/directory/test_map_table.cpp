// Sendmail's maps: text forms, and databases as makemap(8) makes them.
#include <db.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "directory/map_table.hpp"

using namespace directory;

namespace {

struct Folder {
    Folder() {
        char name[] = "/tmp/sandwich-maps-XXXXXX";
        path = ::mkdtemp(name);
    }
    ~Folder() { std::filesystem::remove_all(path); }
    [[nodiscard]] std::string operator/(const char* name) const { return path + "/" + name; }
    std::string path;
};

// `nul`: with an octet of 0 behind keys and values, as newaliases writes them.
void make_database(const std::string& path, DBTYPE type, const std::vector<std::pair<std::string, std::string>>& rows,
                   bool nul) {
    DB* database = nullptr;
    REQUIRE(db_create(&database, nullptr, 0) == 0);
    REQUIRE(database->open(database, nullptr, path.c_str(), nullptr, type, DB_CREATE | DB_TRUNCATE, 0644) == 0);
    for (const auto& [left, right] : rows) {
        DBT key{};
        DBT value{};
        key.data = const_cast<char*>(left.c_str());
        key.size = static_cast<u_int32_t>(left.size() + (nul ? 1 : 0));
        value.data = const_cast<char*>(right.c_str());
        value.size = static_cast<u_int32_t>(right.size() + (nul ? 1 : 0));
        REQUIRE(database->put(database, nullptr, &key, &value, 0) == 0);
    }
    database->close(database, 0);
}

}  // namespace

TEST_CASE("an alias file") {
    const auto table = parse_alias_file(
        "# comment\nPostmaster: root\nroot: frank\nlist: alice,\n\tbob,\n  carol\n\"odd: name\": dave\nroot: nobody\n"
        "nocolon\n continued: nothing\r\nlast:x\r\n");
    CHECK(table.size() == 5);
    CHECK(table.at("postmaster") == "root");
    CHECK(table.at("root") == "frank");
    CHECK(table.at("list") == "alice,bob,carol");
    CHECK(table.at("odd: name") == "dave");
    CHECK(table.at("last") == "x");
}

TEST_CASE("a text map by its columns") {
    MapDeclaration map;
    map.kind = MapDeclaration::Kind::kText;
    CHECK(parse_text_map("A b c\n#x y\n\nonly\nd  e", map) == MapTable{{"a", "b"}, {"d", "e"}});
    map.key_column = 1;
    map.value_column = 0;
    map.delimiter = ':';
    map.fold = false;
    CHECK(parse_text_map("v:K:x\n", map) == MapTable{{"K", "v"}});
}

TEST_CASE("a file of class words, as its format says") {
    std::set<std::string> words;
    parse_class_file("One two\n# three\n", {"", false, true, ""}, words);
    CHECK(words == std::set<std::string>{"one", "#"});
    words.clear();
    parse_class_file("one two # three\n#four\nfive#\n", {"", false, false, "#"}, words);
    CHECK(words == std::set<std::string>{"one", "two", "five"});
}

TEST_CASE("hash and btree, with and without the octet at the end") {
    const Folder folder;
    for (const auto type : {DB_HASH, DB_BTREE})
        for (const bool nul : {false, true}) {
            const auto path = folder / "map.db";
            make_database(path, type, {{"a@x.test", "bob"}, {"@", "@"}, {"long", std::string(5000, 'x')}}, nul);
            const auto table = read_database(path, "@");
            REQUIRE(table);
            CHECK(table->size() == 3);
            CHECK(table->at("a@x.test") == "bob");
            CHECK(table->at("long").size() == 5000);
        }
}

TEST_CASE("what is missing, broken, half made or being written is no empty map") {
    const Folder folder;
    CHECK_FALSE(read_database(folder / "none.db"));
    std::ofstream(folder / "text.db") << std::string(20000, 'x');
    CHECK_FALSE(read_database(folder / "text.db"));
    std::ofstream(folder / "empty.db");
    CHECK_FALSE(read_database(folder / "empty.db"));
    CHECK_FALSE(read_database(folder.path));
    make_database(folder / "half.db", DB_HASH, {{"a", "b"}}, true);
    CHECK(read_database(folder / "half.db"));
    CHECK_FALSE(read_database(folder / "half.db", "@"));
    const int writer = ::open((folder / "half.db").c_str(), O_RDWR);
    REQUIRE(::flock(writer, LOCK_EX) == 0);
    CHECK_FALSE(read_database(folder / "half.db"));
    ::close(writer);
    CHECK(read_database(folder / "half.db"));
}

TEST_CASE("a shortened database is an error, not a crash") {
    const Folder folder;
    std::vector<std::pair<std::string, std::string>> rows;
    for (int i = 0; i < 2000; ++i)
        rows.emplace_back("key" + std::to_string(i), std::string(50, 'v'));
    for (const auto type : {DB_HASH, DB_BTREE}) {
        make_database(folder / "map.db", type, rows, true);
        const auto size = std::filesystem::file_size(folder / "map.db");
        for (const auto left : {size / 2, size / 3, size - 4096, std::uintmax_t{4096}, std::uintmax_t{600}}) {
            std::filesystem::copy_file(folder / "map.db", folder / "cut.db",
                                       std::filesystem::copy_options::overwrite_existing);
            std::filesystem::resize_file(folder / "cut.db", left);
            const auto table = read_database(folder / "cut.db");
            CHECK_FALSE(table);
        }
    }
}
