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
        starts += "\xf5Why\x02";
    CHECK(texts_in(starts + record_of("x") + starts) == Texts{"x"});
}

TEST_CASE("texts that are written together are one record, and each is that of its mail") {
    explain::Encoder encoder;
    CHECK(encoder.take().empty());
    for (int i = 0; i < 3; ++i)
        encoder.add({i == 1 ? kOtherId : kId, std::string(static_cast<std::size_t>(i), 'q'), "<a@b.test>"},
                    static_cast<std::uint32_t>(i), "a text of some length, number " + std::to_string(i));
    CHECK_FALSE(encoder.empty());
    const auto octets = encoder.take();
    CHECK(encoder.empty());
    CHECK(octets.size() < 3 * record_of("a text of some length, number 0").size());
    RecordReader reader(octets);
    for (int i = 0; i < 3; ++i) {
        const auto text = reader.next();
        REQUIRE(text);
        CHECK(text->id == (i == 1 ? kOtherId : kId));
        CHECK(text->inbound_id.size() == static_cast<std::size_t>(i));
        CHECK(text->time == static_cast<std::uint32_t>(i));
        CHECK(text->text() == "a text of some length, number " + std::to_string(i));
    }
    CHECK_FALSE(reader.next());
    for (std::size_t cut = 0; cut < octets.size(); ++cut)
        CHECK(texts_in(octets.substr(0, cut) + record_of("next")) == Texts{"next"});
}

TEST_CASE("a record is full by its texts, or by their number") {
    explain::Encoder encoder;
    while (!encoder.full())
        encoder.add({kId, std::string(explain::kMaxInboundId, 'q'), std::string(explain::kMaxMessageId, 'm')}, 1, "");
    auto octets = encoder.take();
    CHECK(octets.size() <= explain::kMaxRecord);
    CHECK(texts_in(octets).size() == explain::kMostTexts);
    encoder.add({kId, "", ""}, 1, noise(explain::kEnoughText - 1));
    CHECK_FALSE(encoder.full());
    encoder.add({kId, "", ""}, 1, noise(explain::kMaxRecordText));
    CHECK(encoder.full());
    octets = encoder.take();
    CHECK(octets.size() <= explain::kMaxRecord);
    CHECK(texts_in(octets) == Texts{noise(explain::kEnoughText - 1), noise(explain::kMaxRecordText)});
}
