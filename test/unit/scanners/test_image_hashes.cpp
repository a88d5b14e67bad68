// The fuzzy hash of a picture: made where a signature may want it, and not where none does.
#include <clamav.h>
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "made_database.hpp"
#include "made_picture.hpp"
#include "scanners/clamav/clamav_scanner.hpp"
#include "scanners/clamav/image_hashes.hpp"
#include "scanners/clamav/in_library.hpp"

namespace {

unsigned hashes_made = 0;

}  // namespace

// In front of libclamav's: counts.
extern "C" bool fuzzy_hash_calculate_image(const std::uint8_t* octets, std::size_t size, std::uint8_t* hash,
                                           std::size_t room, void** error) {
    static auto* const library =
        scanners::clamav::in_library<decltype(fuzzy_hash_calculate_image)>("fuzzy_hash_calculate_image");
    ++hashes_made;
    return library(octets, size, hash, room, error);
}

namespace {

using made::Directory;
using made::hex;

class Scanner {
  public:
    explicit Scanner(const Directory& database) : scanner_(settings(database), std::chrono::seconds(20)) {
        REQUIRE(scanner_.load());
        REQUIRE(scanner_.enter_worker(temporary_.path()));
    }

    // What was found in the picture, or "".
    std::string scan() {
        hashes_made = 0;
        return scanner_.scan(made::picture(), {}).name;
    }

  private:
    static config::Settings::Clamav settings(const Directory& database) {
        config::Settings::Clamav settings;
        settings.database = database.path();
        return settings;
    }

    TemporaryDirectory temporary_;
    scanners::clamav::ClamavScanner scanner_;
};

void write_logical(const Directory& database, const std::string& name, const std::string& parts) {
    database.write("test.ldb", name + ";Engine:51-255,Target:0;" + parts);
}

}  // namespace

TEST_CASE("a signature with the hash of a picture finds it") {
    const Directory database;
    write_logical(database, "Other", "0;" + hex("not in it"));
    write_logical(database, "Picture", "0&1;" + hex("IHDR") + ";" + made::kPictureHash);
    CHECK(Scanner(database).scan() == "Picture.UNOFFICIAL");
    CHECK(hashes_made == 1);
}

TEST_CASE("without one, no hash is made, and all else is found") {
    const Directory database;
    write_logical(database, "Other", "0;" + hex("IHDR"));
    Scanner scanner(database);
    CHECK(scanner.scan() == "Other.UNOFFICIAL");
    CHECK(hashes_made == (made::is_known_version() ? 0 : 1));
}

TEST_CASE("what other signatures had does not count, in either order") {
    const Directory with;
    write_logical(with, "Picture", std::string("0;") + made::kPictureHash);
    const Directory without;
    write_logical(without, "Other", "0;" + hex("not in it"));
    CHECK(Scanner(with).scan() == "Picture.UNOFFICIAL");
    CHECK(Scanner(without).scan().empty());
    CHECK(hashes_made == (made::is_known_version() ? 0 : 1));
    CHECK(Scanner(with).scan() == "Picture.UNOFFICIAL");
}

TEST_CASE("where no part of a signature came by, hashes are made") {
    const Directory database;
    database.write("test.ndb", "Plain:0:*:" + hex("not in it"));
    CHECK(Scanner(database).scan().empty());
    CHECK(hashes_made == 1);
}
