// What was seen inside a mail, on its way from a worker that may lie.
#include <doctest/doctest.h>

#include "base/channel.hpp"
#include "scanners/worker/wire.hpp"
#include "scanners/worker/wire_contents.hpp"

using namespace scanners;
using policy::ContentLimit;
using policy::Contents;
using policy::Item;
using policy::Mark;

namespace {

Item item(Item::Kind kind, std::uint16_t parent, std::uint16_t layer, std::vector<std::string> names = {}) {
    Item made;
    made.kind = kind;
    made.parent = parent;
    made.layer = layer;
    made.names = std::move(names);
    return made;
}

Contents sample() {
    Contents contents;
    contents.items = {item(Item::Kind::kMessage, 0, 0), item(Item::Kind::kEntity, 0, 0, {"\xc3\xbc.zip", "u.zip"}),
                      item(Item::Kind::kMember, 1, 1, {"a.exe"})};
    contents.items[1].set(Mark::kAttachment);
    contents.items[1].declared_type = "application/zip";
    contents.items[1].true_type = "application/zip";
    contents.items[1].charset = "utf-8";
    contents.items[1].entity = 2;
    contents.items[1].size = 1ULL << 40U;
    contents.items[2].set(Mark::kExternal);
    contents.exceeded = {{ContentLimit::kRatio, 1, 4000}, {ContentLimit::kLayers, 2, 17}};
    contents.hits = {{7, 2, 30, "confidential"}, {0xffffffff, 0, 1, ""}};
    contents.defects = 0x8000000000000001ULL;
    contents.expression_set = 5;
    contents.subject =
        "Gr\xc3\xbc\xc3\x9f"
        "e";
    contents.from = "A <a@b.test>";
    contents.fields = {{"subject", 3, true, {"one", "", "gr\xc3\xbc\xc3\x9f"}}, {"x-a", 1, false, {}}};
    contents.malformed_field = "date";
    contents.languages = {"de", "en", "zh"};
    contents.writings = 0x1fff;
    return contents;
}

wire::Answer answer_with(Contents contents) {
    return {7, {{"clamav", policy::Outcome::kClean, policy::Cause::kNone, "", ""}}, std::move(contents)};
}

bool arrives(const Contents& contents) {
    return wire::decode_answer(wire::encode(answer_with(contents))).has_value();
}

}  // namespace

TEST_CASE("contents arrive as they went") {
    const auto answer = wire::decode_answer(wire::encode(answer_with(sample())));
    REQUIRE(answer);
    CHECK(answer->contents == sample());
    CHECK(arrives({}));
}

TEST_CASE("every truncation of contents is refused, and what is appended") {
    const auto packet = wire::encode(answer_with(sample()));
    for (std::size_t length = 0; length < packet.size(); ++length)
        CHECK_FALSE(wire::decode_answer(packet.substr(0, length)));
    CHECK_FALSE(wire::decode_answer(packet + '\0'));
}

TEST_CASE("contents that contradict themselves are refused") {
    const auto refused = [](auto change) {
        auto contents = sample();
        change(contents);
        return !arrives(contents);
    };
    CHECK_FALSE(refused([](Contents&) {}));
    CHECK(refused([](Contents& c) { c.items[1].parent = 1; }));  // its own parent
    CHECK(refused([](Contents& c) { c.items[1].parent = 2; }));  // parent behind it
    CHECK(refused([](Contents& c) { c.items[2].layer = 2; }));   // two deeper than its parent
    CHECK(refused([](Contents& c) { c.items[2].parent = 0, c.items[1].layer = 1, c.items[0].layer = 1; }));
    CHECK(refused([](Contents& c) { c.items[0].kind = Item::Kind::kEntity; }));  // the first is the mail
    CHECK(refused([](Contents& c) { c.items[1].kind = static_cast<Item::Kind>(5); }));
    CHECK(refused([](Contents& c) { c.items[1].marks = 0x8000; }));
    CHECK(refused([](Contents& c) { c.exceeded[0].limit = static_cast<ContentLimit>(policy::kContentLimits); }));
    CHECK(refused([](Contents& c) { c.fields[0].count = 0; }));
    CHECK(refused([](Contents& c) { c.fields[0].count = 2; }));  // fewer than it has values
    CHECK(refused([](Contents& c) { c.writings = 0x2000; }));
}

TEST_CASE("text from a mail cannot forge a log line") {
    auto contents = sample();
    contents.items[1].names = {"a\r\nb\xff", std::string(300, 'n'), "3", "4", "5"};
    contents.subject = "x\nSubject: forged";
    const auto answer = wire::decode_answer(wire::encode(answer_with(contents)));
    REQUIRE(answer);
    CHECK(answer->contents.items[1].names == std::vector<std::string>{"a??b?", std::string(255, 'n'), "3", "4"});
    CHECK(answer->contents.subject == "x?Subject: forged");
    // What the encoder would never write is not taken.
    auto packet = wire::encode(answer_with(sample()));
    packet[packet.find("u.zip")] = '\n';
    CHECK_FALSE(wire::decode_answer(packet));
}

TEST_CASE("contents that do not fit say so") {
    auto contents = sample();
    contents.items.resize(policy::kMaxItems, item(Item::Kind::kMember, 1, 1, {std::string(255, 'x')}));
    contents.hits.assign(policy::kMaxHits, {1, 1999, 2, std::string(policy::kMaxExcerpt, 'e')});
    const auto packet = wire::encode(answer_with(contents));
    CHECK(packet.size() <= base::kMaxPacket);
    const auto answer = wire::decode_answer(packet);
    REQUIRE(answer);
    const auto& got = answer->contents;
    CHECK(got.items.size() > 400);
    CHECK(got.items.size() < contents.items.size());
    CHECK(got.hits.size() > 10);
    CHECK(got.hits.front().item == 0);  // of an item that was left out
    REQUIRE(got.exceeded.size() == 3);
    CHECK(got.exceeded[2].limit == ContentLimit::kFacts);
    CHECK(got.exceeded[2].value == policy::kMaxItems);
}

TEST_CASE("fields that do not fit say so, and leave room") {
    auto contents = sample();
    contents.exceeded.clear();
    contents.items.resize(policy::kMaxItems, item(Item::Kind::kMember, 1, 1, {std::string(255, 'x')}));
    contents.hits.assign(policy::kMaxHits, {1, 0, 2, std::string(policy::kMaxExcerpt, 'e')});
    contents.fields.assign(policy::kMaxWantedFields, {"x", 1, false, {std::string(policy::kMaxFieldOctets, 'v')}});
    const auto packet = wire::encode(answer_with(contents));
    CHECK(packet.size() <= base::kMaxPacket);
    const auto answer = wire::decode_answer(packet);
    REQUIRE(answer);
    CHECK(answer->contents.fields.size() == 2);
    CHECK(answer->contents.items.size() > 100);
    CHECK(answer->contents.hits.size() > 1);
    REQUIRE(answer->contents.exceeded.size() == 1);
    CHECK(answer->contents.exceeded[0].limit == ContentLimit::kFacts);
    // In the least room there is, too.
    CHECK(wire::encode_contents(contents, wire::kLeastContents).size() <= wire::kLeastContents);
}

TEST_CASE("the way to an item") {
    auto contents = sample();
    contents.items.push_back(item(Item::Kind::kEmbedded, 2, 2));
    contents.items.push_back(item(Item::Kind::kEntity, 0, 0));
    CHECK(policy::item_path(contents, 0).empty());
    CHECK(policy::item_path(contents, 1) == "??.zip");
    CHECK(policy::item_path(contents, 3) == "??.zip!a.exe!1");
    CHECK(policy::item_path(contents, 4) == "2");
    CHECK(policy::item_path(contents, 99).empty());
}
