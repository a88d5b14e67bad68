// What libclamav has seen of signatures in one file: with kept tables, and with signatures hidden of which nothing was
// seen, it finds in every file what it finds without, and nothing of it is left for the next one.
#include <clamav.h>
#include <dlfcn.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "made_database.hpp"
#include "made_picture.hpp"
#include "scanners/clamav/in_library.hpp"
#include "scanners/clamav/layout.hpp"
#include "scanners/clamav/matchers.hpp"
#include "scanners/clamav/seen_parts.hpp"

namespace {

using made::Directory;
using made::Engine;
using made::hex;
using made::picture;
using scanners::clamav::count_seen_parts;
using scanners::clamav::layout::Seen;
namespace layout = scanners::clamav::layout;

// A signature for each way in which libclamav notes a part.
void write_signatures(const Directory& database) {
    const auto logical = [&](const std::string& name, const std::string& rest) {
        database.write("test.ldb", name + ";Engine:51-255,Target:0;" + rest);
    };
    logical("Both", "0&1;" + hex("upper crust") + ";" + hex("lower crust"));
    logical("Either", "(0|1)&2;" + hex("white bread") + ";" + hex("brown bread") + ";" + hex("toasted"));
    logical("Twice", "0>1;" + hex("pickle"));
    logical("Without", "0&(1=0);" + hex("tomatoes") + ";" + hex("lettuce"));
    logical("Wild", "0&1;" + hex("salt") + "*" + hex("pepper") + ";" + hex("mustard"));
    logical("Expression", "0&1;" + hex("mayonnaise") + ";0/no[0-9]+pe/");
    logical("Compared", "0&1;" + hex("weighs ") + ";0(>>7#de3#>500)");
    logical("Macro", "0&1;" + hex("cheddar") + ";${8-9}12$");
    logical("Two", "0&1&(2=0);" + hex("gherkin") + ";" + hex("shallot") + ";" + hex("onion"));
    logical("Picture", std::string("0;") + made::kPictureHash);
    database.write("test.ndb", "Spread:0:$12:" + hex("on rye"));
    database.write("test.yara",
                   "rule Rule { strings: $a = \"anchovy\" $b = \"butter\" condition: $a and #b > 1 and @b[1] > 20 }");
    database.write("test.yara", "private rule Hidden { strings: $a = \"olives\" condition: $a }");
    database.write("test.yara", "rule Uses { strings: $a = \"capers\" condition: Hidden and $a }");
}

constexpr std::array<std::string_view, 29> kPieces = {"upper crust",    "lower crust",
                                                      "white bread",    "brown bread",
                                                      "toasted",        "pickle",
                                                      "pickle, pickle", "tomatoes",
                                                      "lettuce",        "salt & pepper",
                                                      "pepper",         "mustard",
                                                      "mayonnaise",     "no7pe",
                                                      "weighs 700",     "weighs 300",
                                                      "cheddar",        "cheddarxon rye cheddarxon rye",
                                                      "on rye",         "anchovy",
                                                      "butter",         "butter butter butter",
                                                      "olives",         "capers",
                                                      "----",           "PNG",
                                                      "gherkin",        "shallot",
                                                      "onion"};

std::vector<std::string> texts() {
    std::mt19937 dice(20261129);  // NOLINT(cert-msc51-cpp): the same ones each time
    std::vector<std::string> made{picture(), "PNG " + picture(), picture() + " PNG"};
    while (made.size() < 3000) {
        std::string text = dice() % 40 == 0 ? picture() : std::string();
        for (auto left = dice() % 6; left > 0; --left)
            text.append(kPieces[dice() % kPieces.size()]).append(dice() % 4 == 0 ? "\n" : " ");
        if (!text.empty())
            made.push_back(text);
    }
    return made;
}

std::vector<std::string> scan_all(Engine& engine, const std::vector<std::string>& texts) {
    std::vector<std::string> found;
    std::transform(texts.begin(), texts.end(), std::back_inserter(found),
                   [&](const std::string& text) { return engine.scan(text); });
    return found;
}

void check_equal(const Seen& ours, const Seen& theirs) {
    CHECK(ours.partial == theirs.partial);
    CHECK(ours.logical == theirs.logical);
    CHECK(ours.relative == theirs.relative);
    for (std::uint32_t i = 0; i < theirs.partial; ++i)
        CHECK(ours.parts[i] == theirs.parts[i]);
    for (std::uint32_t i = 0; i < theirs.logical; ++i) {
        for (std::size_t part = 0; part < layout::kMaxParts; ++part) {
            CHECK(ours.counts[i][part] == theirs.counts[i][part]);
            CHECK(ours.last[i][part] == theirs.last[i][part]);
            CHECK(ours.first[i][part] == theirs.first[i][part]);
        }
        CHECK(ours.places[i] == theirs.places[i]);
        CHECK(ours.rules[i] == theirs.rules[i]);
    }
    for (std::uint32_t i = 0; i < theirs.relative; ++i)
        CHECK(ours.offsets[2 * i] == theirs.offsets[2 * i]);  // the one after it is not set before it is counted
    CHECK(std::equal(std::begin(ours.macros), std::end(ours.macros), std::begin(theirs.macros)));
    CHECK(ours.versions == theirs.versions);
    CHECK(ours.first_part == theirs.first_part);
}

using Make = int(Seen*, std::uint32_t, std::uint32_t, std::uint32_t, std::uint8_t);
using Free = void(Seen*);
using Add = void(Seen*, std::uint32_t, std::uint32_t);

// What libclamav calls.
template <typename Function>
Function* here(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_DEFAULT, name));
}

}  // namespace

TEST_CASE("kept tables of what was seen: the same is found, and nothing is left for the next file") {
    made::silence_libclamav();
    REQUIRE(cl_init(CL_INIT_DEFAULT) == CL_SUCCESS);
    const Directory database;
    write_signatures(database);
    Engine engine(database.path());
    const auto all = texts();
    REQUIRE(count_seen_parts().waiting == 0);
    const auto without = scan_all(engine, all);
    REQUIRE(count_seen_parts().waiting == 0);
    REQUIRE(scanners::clamav::keep_seen_parts() == made::is_known_version());

    const auto with = scan_all(engine, all);
    for (std::size_t i = 0; i < all.size(); ++i)
        CHECK_MESSAGE(with[i] == without[i], hex(all[i]));
    // All but those that can be true of a part that is not there, and the rules.
    CHECK(scanners::clamav::hide_unseen_signatures() == (made::is_known_version() ? 8 : 0));
    CHECK(scanners::clamav::hide_unseen_signatures() == 0);
    const auto hidden = scan_all(engine, all);
    for (std::size_t i = 0; i < all.size(); ++i)
        CHECK_MESSAGE(hidden[i] == without[i], hex(all[i]));
    // Each signature was found, so that each way of noting parts was gone.
    for (const char* const name :
         {"Both", "Either", "Twice", "Without", "Wild", "Expression", "Compared", "Macro", "Picture", "Two"})
        CHECK_MESSAGE(std::count(without.begin(), without.end(), std::string(name) + ".UNOFFICIAL") > 0,
                      std::string(name));
    for (const char* const name : {"YARA.Rule.UNOFFICIAL", "YARA.Uses.UNOFFICIAL"})
        CHECK_MESSAGE(std::count(without.begin(), without.end(), name) > 0, std::string(name));
    CHECK(std::count(without.begin(), without.end(), "") > 200);

    CHECK(count_seen_parts().in_use == 0);
    const auto kept = count_seen_parts();
    CHECK((kept.waiting > 0) == made::is_known_version());
    CHECK(scan_all(engine, all) == without);
    CHECK(count_seen_parts().waiting == kept.waiting);  // used again, not made anew
    CHECK(count_seen_parts().rows == kept.rows);
}

TEST_CASE("tables are as libclamav makes them, also when something was seen before") {
    const bool kept = scanners::clamav::keep_seen_parts();
    REQUIRE(kept == made::is_known_version());
    if (!kept)
        return;  // the library's own, then
    struct Shape {
        std::uint32_t partial, logical, relative;
    };
    for (int round = 0; round < 3; ++round) {
        for (const auto& shape : {Shape{1, 1, 1}, Shape{3, 5, 2}, Shape{0, 4, 0}, Shape{2, 0, 1}, Shape{3, 4, 2}}) {
            Seen ours{};
            Seen theirs{};
            REQUIRE(here<Make>("cli_ac_initdata")(&ours, shape.partial, shape.logical, shape.relative, 8) ==
                    CL_SUCCESS);
            REQUIRE(scanners::clamav::in_library<Make>("cli_ac_initdata")(&theirs, shape.partial, shape.logical,
                                                                          shape.relative, 8) == CL_SUCCESS);
            check_equal(ours, theirs);
            for (std::uint32_t i = 0; i < shape.logical; i += 2) {
                here<Add>("lsig_increment_subsig_match")(&ours, i, i + 1);
                CHECK(ours.counts[i][i + 1] == 1);
                ours.last[i][i] = ours.first[i][63] = ours.rules[i] = 1;
            }
            if (shape.relative > 0)
                ours.offsets[0] = 7;
            ours.macros[31] = ours.first_part = 0;
            here<Free>("cli_ac_freedata")(&ours);
            here<Free>("cli_ac_freedata")(&ours);  // once more is nothing
            CHECK(ours.logical == 0);
            scanners::clamav::in_library<Free>("cli_ac_freedata")(&theirs);
        }
    }
    CHECK(count_seen_parts().in_use == 0);
}
