// From what is in a mail to the parts that have to go.
#include <doctest/doctest.h>

#include "mail/mime/defect.hpp"
#include "policy/removal.hpp"

using namespace policy;

namespace {

Item item(Item::Kind kind, std::uint16_t parent, std::uint16_t entity, std::string type = "") {
    Item made;
    made.kind = kind;
    made.parent = parent;
    made.entity = entity;
    made.declared_type = std::move(type);
    return made;
}

// 0 the mail (entity 1, a multipart): 1 text, 2 zip with 3 a document with 4 a macro, 5 a message with 6 its body and
// 7 a named text
Contents sample() {
    Contents contents;
    contents.items = {item(Item::Kind::kMessage, 0, 0),
                      item(Item::Kind::kEntity, 0, 2, "text/plain"),
                      item(Item::Kind::kEntity, 0, 3, "application/zip"),
                      item(Item::Kind::kMember, 2, 0),
                      item(Item::Kind::kEmbedded, 3, 0),
                      item(Item::Kind::kMessage, 0, 4, "message/rfc822"),
                      item(Item::Kind::kEntity, 5, 6, "text/html"),
                      item(Item::Kind::kEntity, 0, 7, "text/plain")};
    contents.items[7].set(Mark::kAttachment);
    return contents;
}

using Entities = std::vector<std::uint16_t>;

}  // namespace

TEST_CASE("what lies in something goes with the entity around it") {
    CHECK(*removable(sample(), {4}) == Entities{3});
    CHECK(*removable(sample(), {3, 4, 2}) == Entities{3});
    CHECK(*removable(sample(), {6}) == Entities{6});
    CHECK(*removable(sample(), {5, 6}) == Entities{4});
    CHECK(*removable(sample(), {7, 1, 4}) == Entities{2, 3, 7});
}

TEST_CASE("what has no part of its own, or is not the same for every reader, stays: the mail is held") {
    auto contents = sample();
    CHECK_FALSE(removable(contents, {}));
    CHECK_FALSE(removable(contents, {0}));
    CHECK_FALSE(removable(contents, {2, 0}));
    CHECK_FALSE(removable(contents, {8}));
    CHECK_FALSE(removable({}, {0}));
    contents.items.push_back(item(Item::Kind::kReading, 2, 0));
    contents.items.push_back(item(Item::Kind::kMember, 8, 0));
    CHECK_FALSE(removable(contents, {8}));
    CHECK_FALSE(removable(contents, {9}));
    CHECK(removable(contents, {4}));
    contents.defects = mail::mime::bit(mail::mime::Defect::kManyTypes);
    CHECK_FALSE(removable(contents, {4}));
}

TEST_CASE("all attachments") {
    auto contents = sample();
    CHECK(*attachments(contents) == Entities{3, 4, 7});
    contents.items.push_back(item(Item::Kind::kEntity, 0, 8, "text/calendar"));
    contents.items.push_back(item(Item::Kind::kEntity, 0, 9, "multipart/alternative"));
    contents.items.push_back(item(Item::Kind::kEntity, 9, 10, "text/html"));
    CHECK(*attachments(contents) == Entities{3, 4, 7, 8});
    // A multipart that says it is an attachment is one, and so is one without parts: nobody reads what is in it.
    contents.items[9].set(Mark::kAttachment);
    contents.items.push_back(item(Item::Kind::kEntity, 0, 11, "multipart/mixed"));
    CHECK(*attachments(contents) == Entities{3, 4, 7, 8, 9, 11});
    Contents plain;
    plain.items = {item(Item::Kind::kMessage, 0, 0), item(Item::Kind::kEntity, 0, 1, "text/plain")};
    CHECK(attachments(plain)->empty());
    plain.items[1].declared_type = "application/pdf";
    CHECK(*attachments(plain) == Entities{1});
}

TEST_CASE("when there may be more attachments than were seen, the mail is held") {
    auto contents = sample();
    const auto refused = [&](auto change) {
        auto changed = contents;
        change(changed);
        return !attachments(changed).has_value();
    };
    CHECK(refused([](Contents& c) { c.items.push_back(item(Item::Kind::kReading, 0, 0)); }));
    CHECK(refused([](Contents& c) { c.items.push_back(item(Item::Kind::kEmbedded, 1, 0)); }));
    CHECK_FALSE(refused([](Contents& c) { c.items.push_back(item(Item::Kind::kEmbedded, 7, 0)); }));
    CHECK(refused([](Contents& c) { c.exceeded = {{ContentLimit::kFiles, 0, 1}}; }));
    CHECK_FALSE(refused([](Contents& c) { c.exceeded = {{ContentLimit::kLayers, 0, 1}}; }));
    CHECK(refused([](Contents& c) { c.defects = mail::mime::bit(mail::mime::Defect::kNoBoundary); }));
    CHECK(refused([](Contents& c) { c.items.clear(); }));
}
