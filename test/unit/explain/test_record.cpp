#include <doctest/doctest.h>

#include "samples.hpp"

using explain::RecordReader;
using Texts = std::vector<std::string>;

TEST_CASE("a record is read as it was written") {
    const auto octets = explain::encode({kId, "6AQ1", "<a b@c.test>"}, 12345, "one\ntwo\n");
    RecordReader reader(octets);
    const auto record = reader.next();
    REQUIRE(record);
    CHECK(record->id == kId);
    CHECK(record->inbound_id == "6AQ1");
    CHECK(record->message_id == "<a b@c.test>");
    CHECK(record->time == 12345);
    CHECK(record->text() == "one\ntwo\n");
    CHECK_FALSE(reader.next());
}

TEST_CASE("a record is that of each of its names, and of no other") {
    const auto octets = record_of("x");
    const auto record = RecordReader(octets).next();
    REQUIRE(record);
    for (const auto* const name : {kId, "6AQ1", "<a@b.test>"})
        CHECK(record->is_of(name));
    for (const auto* const name : {"", "6AQ", "6AQ11", "a@b.test", kOtherId, "<A@b.test>"})
        CHECK_FALSE(record->is_of(name));
    const auto nameless = explain::encode({kId, "", ""}, 1, "x");
    CHECK_FALSE(RecordReader(nameless).next()->is_of(""));
}

TEST_CASE("what is long is cut, what is empty is nothing special") {
    const auto octets =
        explain::encode({kId, std::string(300, 'q'), std::string(300, 'm')}, 1, noise(explain::kMaxRecordText + 1));
    CHECK(octets.size() <= explain::kMaxRecord);
    const auto record = RecordReader(octets).next();
    REQUIRE(record);
    CHECK(record->inbound_id.size() == explain::kMaxInboundId);
    CHECK(record->message_id.size() == explain::kMaxMessageId);
    CHECK(record->text() == noise(explain::kMaxRecordText));
    CHECK(texts_in(explain::encode({kId, "", ""}, 1, "")) == Texts{""});
}

TEST_CASE("a torn record costs itself only") {
    const auto one = record_of("one");
    const auto two = record_of("two");
    const auto three = record_of("three");
    for (std::size_t cut = 0; cut < two.size(); ++cut) {
        CAPTURE(cut);
        CHECK(texts_in(one + two.substr(0, cut)) == Texts{"one"});
        CHECK(texts_in(one + two.substr(0, cut) + three) == Texts{"one", "three"});
        CHECK(texts_in(two.substr(cut) + three) == (cut == 0 ? Texts{"two", "three"} : Texts{"three"}));
    }
}

TEST_CASE("a changed octet costs its record only") {
    const auto one = record_of("one");
    const auto two = record_of("two");
    for (std::size_t at = 0; at < one.size(); ++at) {
        CAPTURE(at);
        auto changed = one;
        changed[at] = static_cast<char>(changed[at] ^ 0x41);
        CHECK(texts_in(changed + two) == Texts{"two"});
    }
}

TEST_CASE("octets that are no records are passed over") {
    CHECK(texts_in("").empty());
    CHECK(texts_in(noise(100'000)).empty());
    std::string starts;
    for (int i = 0; i < 1000; ++i)
        starts += "\xf5Why\x01";
    CHECK(texts_in(starts + record_of("x") + starts) == Texts{"x"});
}
