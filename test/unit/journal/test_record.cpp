#include <doctest/doctest.h>

#include "samples.hpp"

using journal::Kind;

TEST_CASE("every kind of record comes back as it was") {
    for (const auto kind :
         {Kind::kIntent, Kind::kDelivered, Kind::kQuarantined, Kind::kDiscarded, Kind::kWithdrawn, Kind::kCrash}) {
        const journal::Record record{kind, 0xfedcba98, 0x87654321, key_of("x"), kId};
        const auto decoded = journal::decode(encoded(record));
        REQUIRE(decoded);
        CHECK(decoded->kind == kind);
        CHECK(decoded->process == 0xfedcba98);
        CHECK(decoded->time == 0x87654321);
        CHECK(decoded->key == key_of("x"));
        CHECK(decoded->id == kId);
    }
}

TEST_CASE("a record with any bit changed is none") {
    const auto good = encoded(record_of(Kind::kDelivered, "x"));
    for (std::size_t at = 0; at < good.size(); ++at)
        for (int bit = 0; bit < 8; ++bit) {
            auto bad = good;
            bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
            CHECK_FALSE(journal::decode(bad));
        }
}

TEST_CASE("a part of a record is none, nor are zeros") {
    const auto good = encoded(record_of(Kind::kDelivered, "x"));
    CHECK_FALSE(journal::decode(std::string_view(good).substr(1)));
    CHECK_FALSE(journal::decode(good + "x"));
    CHECK_FALSE(journal::decode(std::string(journal::kRecordSize, '\0')));
    CHECK_FALSE(journal::decode(""));
}
