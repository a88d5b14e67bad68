#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "journal/ring.hpp"
#include "samples.hpp"

using journal::Kind;
using journal::Ring;
using journal::Rings;

namespace {

std::array<char, journal::kRecordSize> record(std::size_t number) {
    return journal::encode(record_of(Kind::kIntent, std::to_string(number)));
}

std::string text_of(std::size_t begin, std::size_t end) {
    std::string text;
    for (auto i = begin; i < end; ++i)
        text += encoded(record_of(Kind::kIntent, std::to_string(i)));
    return text;
}

// In another process, which ends without a word.
template <typename Task>
void in_a_child(Task task) {
    const auto child = ::fork();
    if (child == 0) {
        task();
        ::_exit(0);
    }
    REQUIRE(::waitpid(child, nullptr, 0) == child);
}

struct Place {
    TemporaryDirectory directory;
    std::string rings = directory.path() + "/rings";

    Rings open() const {
        auto opened = Rings::open(rings, directory.path());
        REQUIRE(opened);
        return std::move(*opened);
    }
    // How many rings there are.
    [[nodiscard]] std::size_t count() const {
        std::size_t files = 0;
        for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(rings))
            ++files;
        return files;
    }
    void leave(std::size_t begin, std::size_t end, std::size_t written = 0) const {
        in_a_child([&] {
            auto all = open();
            auto ring = all.make(1);
            for (auto i = begin; i < end; ++i)
                ring->put(record(i));
            ring->written(written);
        });
    }
};

std::vector<std::string> taken_over(Rings& rings, bool take = true) {
    std::vector<std::string> taken;
    rings.take_over([&](const std::string& records) -> base::Status {
        taken.push_back(records);
        return take ? base::ok() : base::error("no space");
    });
    return taken;
}

}  // namespace

TEST_CASE("what a dead process left is taken over, in order, once") {
    const Place place;
    place.leave(0, 10, 3);
    auto rings = place.open();
    const auto own = rings.make(2);
    REQUIRE(own);
    CHECK(rings.any_other());
    CHECK(taken_over(rings) == std::vector{text_of(3, 10)});
    CHECK_FALSE(rings.any_other());
    CHECK(place.count() == 1);
}

TEST_CASE("what cannot be written stays for the next try") {
    const Place place;
    place.leave(0, 2);
    auto rings = place.open();
    rings.look();
    CHECK(taken_over(rings, false).size() == 1);
    CHECK(rings.any_other());
    CHECK(taken_over(rings) == std::vector{text_of(0, 2)});
    CHECK(place.count() == 0);
}

TEST_CASE("what lives is read, not taken over") {
    const Place place;
    auto theirs = place.open();
    auto ring = theirs.make(1);
    REQUIRE(ring);
    auto ours = place.open();
    const auto own = ours.make(2);
    REQUIRE(own);
    ring->put(record(0));
    ring->put(record(1));
    CHECK(ours.of_the_living() == std::vector{text_of(0, 2)});
    ring->written(1);
    CHECK(ours.of_the_living() == std::vector{text_of(1, 2)});
    CHECK(taken_over(ours).empty());
    CHECK(ours.any_other());
    // The first one has not looked since.
    CHECK_FALSE(theirs.any_other());
    theirs.look();
    CHECK(theirs.any_other());
}

TEST_CASE("a ring takes so many and no more, and goes round") {
    const Place place;
    auto rings = place.open();
    auto ring = rings.make(1);
    REQUIRE(ring);
    auto reader = place.open();
    reader.look();
    std::size_t next = 0;
    for (; next < Ring::kCapacity; ++next)
        REQUIRE(ring->put(record(next)));
    CHECK_FALSE(ring->put(record(next)));
    ring->written(Ring::kCapacity - 1);
    for (; next < Ring::kCapacity + 5; ++next)
        REQUIRE(ring->put(record(next)));
    CHECK(reader.of_the_living() == std::vector{text_of(Ring::kCapacity - 1, Ring::kCapacity + 5)});
}

TEST_CASE("rings of another journal and other files are left alone") {
    const Place place;
    place.leave(0, 3);
    std::ofstream(place.rings + "/ring.short") << "too short";
    std::ofstream(place.rings + "/other") << "something else";
    const TemporaryDirectory journal;
    auto strangers = Rings::open(place.rings, journal.path());
    REQUIRE(strangers);
    strangers->look();
    CHECK_FALSE(strangers->any_other());
    auto rings = place.open();
    rings.look();
    CHECK(taken_over(rings).size() == 1);
    CHECK(place.count() == 2);
}

TEST_CASE("a record that is damaged is passed over") {
    const Place place;
    place.leave(0, 3);
    std::string name;
    for (const auto& entry : std::filesystem::directory_iterator(place.rings))
        name = entry.path().string();
    std::string octets;
    {
        std::ifstream in(name, std::ios::binary);
        octets.assign(std::istreambuf_iterator<char>(in), {});
    }
    const auto at = octets.find(text_of(1, 2));
    REQUIRE(at != std::string::npos);
    std::fstream out(name, std::ios::binary | std::ios::in | std::ios::out);
    out.seekp(static_cast<std::streamoff>(at + 20));
    out.put('\x7f');
    out.put('\x00');
    out.close();
    auto rings = place.open();
    rings.look();
    CHECK(taken_over(rings) == std::vector{text_of(0, 1) + text_of(2, 3)});
}

TEST_CASE("a directory that cannot be used is an error") {
    const TemporaryDirectory directory;
    CHECK_FALSE(Rings::open(directory.path() + "/no/parent", directory.path()));
    CHECK_FALSE(Rings::open(directory.path(), directory.path() + "/no/journal"));
    std::ofstream(directory.path() + "/file") << "x";
    CHECK_FALSE(Rings::open(directory.path() + "/file", directory.path()));
}
