// The text that is made of a script: libclamav's own, octet for octet, from any place, into any room.
#include <clamav.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <random>
#include <string>
#include <tuple>

#include "made_database.hpp"
#include "scanners/clamav/in_library.hpp"
#include "scanners/clamav/layout.hpp"
#include "scanners/clamav/normalized_text.hpp"

namespace layout = scanners::clamav::layout;

extern "C" std::size_t text_normalize_map(layout::NormalizedText* made, layout::Map* map, std::size_t offset);

namespace {

using Normalize = decltype(text_normalize_map);

constexpr unsigned char kUntouched = 0xaa;

// What was taken, what was made, and whether that ended with a blank.
struct Made {
    std::size_t taken = 0;
    std::string text;
    int after_blank = 0;
    bool beyond = false;  // something was written behind the room

    bool operator==(const Made&) const = default;
};

struct Given {
    std::string text;
    std::size_t offset = 0;
    std::size_t room = 0;
    std::size_t size = 0;  // of what there is already
    int after_blank = 0;
};

Made make(Normalize* function, const Given& given) {
    const std::unique_ptr<cl_fmap_t, decltype(&cl_fmap_close)> map(
        cl_fmap_open_memory(given.text.data(), given.text.size()), cl_fmap_close);
    REQUIRE(map != nullptr);
    std::string room(given.room + 64, static_cast<char>(kUntouched));
    layout::NormalizedText state{reinterpret_cast<unsigned char*>(room.data()), given.room, given.size,
                                 given.after_blank};
    Made made;
    made.taken = function(&state, reinterpret_cast<layout::Map*>(map.get()), given.offset);
    made.text = room.substr(given.size, state.size - given.size);
    made.after_blank = state.after_blank;
    made.beyond = std::any_of(room.begin() + static_cast<std::ptrdiff_t>(given.room), room.end(),
                              [](char octet) { return static_cast<unsigned char>(octet) != kUntouched; });
    return made;
}

// Ours and libclamav's.
std::tuple<Made, Made> both(const Given& given) {
    scanners::clamav::link_normalized_text();
    static auto* const library = scanners::clamav::in_library<Normalize>("text_normalize_map");
    REQUIRE((library != nullptr && library != text_normalize_map));
    return {make(text_normalize_map, given), make(library, given)};
}

}  // namespace

TEST_CASE("capitals become small, blanks one, and what is no ASCII nothing") {
    made::silence_libclamav();
    REQUIRE(cl_init(CL_INIT_DEFAULT) == CL_SUCCESS);
    const auto [ours, theirs] = both({"\xef\xbb\xbf  Set \t\r\n\x01 X=CreateObject(\"A\")\x7f\n", 0, 100, 0, 0});
    CHECK(ours.text == " set x=createobject(\"a\")\x7f ");
    CHECK(ours == theirs);
    const auto [none, nothing] = both({"text", 0, 0, 0, 0});
    CHECK((none.taken == 0 && none == nothing));
}

TEST_CASE("every octet becomes what it becomes in libclamav, wherever it stands") {
    made::silence_libclamav();
    REQUIRE(cl_init(CL_INIT_DEFAULT) == CL_SUCCESS);
    for (int octet = 0; octet < 256; ++octet) {
        for (const std::size_t at : {0UL, 1UL, 15UL, 16UL, 31UL, 40UL}) {
            std::string text(41, 'A');
            text[at] = static_cast<char>(octet);
            for (const int after_blank : {0, 1}) {
                const auto [ours, theirs] = both({text, 0, 100, 0, after_blank});
                REQUIRE(ours == theirs);
            }
        }
    }
}

TEST_CASE("any text, from any place into any room") {
    made::silence_libclamav();
    REQUIRE(cl_init(CL_INIT_DEFAULT) == CL_SUCCESS);
    std::mt19937 dice(20261129);
    const auto up_to = [&dice](std::size_t most) { return std::size_t{dice()} % (most + 1); };
    // Prose, base64, octets of all kinds.
    const std::string kinds[] = {"the Quick fox \r\n\t.", "ABCDEFGHIJKLMNopqrstuvwxyz0123456789+/=",
                                 std::string("aZ \n\0\x1b\x7f\x80\xff\xa0", 10)};
    std::size_t filled = 0;
    for (int round = 0; round < 3000; ++round) {
        Given given;
        for (auto left = 1 + up_to(round % 10 == 0 ? 20000 : 300); left > 0; --left) {
            const auto& kind = kinds[round % 3];
            given.text += left % 78 == 0 ? '\n' : kind[up_to(kind.size() - 1)];
        }
        given.offset = up_to(4) == 0 ? up_to(given.text.size() + 20) : 0;
        given.room = up_to(2) == 0 ? up_to(given.text.size()) : given.text.size() + 20;
        given.size = up_to(2) == 0 ? up_to(given.room) : 0;
        given.after_blank = static_cast<int>(up_to(1));
        const auto [ours, theirs] = both(given);
        REQUIRE(ours == theirs);
        REQUIRE_FALSE(ours.beyond);
        filled += given.size + ours.text.size() == given.room ? 1 : 0;
    }
    CHECK(filled > 100);
}
