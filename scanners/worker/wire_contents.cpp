#include "scanners/worker/wire_contents.hpp"

#include <cstdint>

namespace scanners::wire {

using policy::Contents;
using policy::Exceeded;
using policy::FieldSeen;
using policy::Hit;
using policy::Item;
using policy::kMaxName;

namespace {

constexpr auto kAllMarks = static_cast<std::uint16_t>((static_cast<unsigned>(policy::Mark::kExternal) << 1U) - 1U);
constexpr std::size_t kTail = 8 + 4 + 2 * (1 + kMaxName) + 2 + 1 + policy::kMaxFieldName + 1 +
                              policy::kMaxLanguages * (1 + policy::kMaxLanguage) + 2;  // all behind the hits but fields
constexpr std::size_t kExceeded = 1 + policy::kContentLimits * 11;                     // all limits
constexpr std::size_t kHit = 4 + 2 + 4 + 1 + policy::kMaxExcerpt;                      // the largest
constexpr std::size_t kFixed = 2 + kExceeded + 2 + kTail;  // all but items, hits and fields themselves
constexpr std::size_t kForHits = kLeastContents - kFixed;  // at least; what items leave is theirs, too

Writer encode_item(const Item& item) {
    Writer writer;
    writer.number(static_cast<std::uint8_t>(item.kind));
    writer.number(item.parent);
    writer.number(item.layer);
    writer.number(item.marks);
    writer.number(item.entity);
    writer.number(item.size);
    const auto names = std::min(item.names.size(), policy::kMaxNames);
    writer.number(static_cast<std::uint8_t>(names));
    for (std::size_t i = 0; i < names; ++i)
        writer.utf8<std::uint8_t>(item.names[i], kMaxName);
    writer.utf8<std::uint8_t>(item.declared_type, kMaxName);
    writer.utf8<std::uint8_t>(item.true_type, kMaxName);
    writer.utf8<std::uint8_t>(item.charset, kMaxName);
    return writer;
}

Item read_item(Reader& reader, const std::vector<Item>& before) {
    Item item;
    const auto kind = reader.number<std::uint8_t>();
    reader.require(kind <= static_cast<std::uint8_t>(Item::Kind::kEmbedded));
    item.kind = static_cast<Item::Kind>(kind);
    item.parent = reader.number<std::uint16_t>();
    item.layer = reader.number<std::uint16_t>();
    item.marks = reader.number<std::uint16_t>();
    reader.require((item.marks & ~kAllMarks) == 0);
    item.entity = reader.number<std::uint16_t>();
    item.size = reader.number<std::uint64_t>();
    if (before.empty()) {
        reader.require(item.parent == 0 && item.layer == 0 && item.kind == Item::Kind::kMessage);
    } else {
        reader.require(item.parent < before.size());
        reader.require(!reader.good() ||
                       (item.layer >= before[item.parent].layer && item.layer <= before[item.parent].layer + 1));
    }
    const std::size_t names = reader.number<std::uint8_t>();
    reader.require(names <= policy::kMaxNames);
    for (std::size_t i = 0; i < names && reader.good(); ++i)
        item.names.push_back(reader.utf8<std::uint8_t>(kMaxName));
    item.declared_type = reader.utf8<std::uint8_t>(kMaxName);
    item.true_type = reader.utf8<std::uint8_t>(kMaxName);
    item.charset = reader.utf8<std::uint8_t>(kMaxName);
    return item;
}

// Items that fit into `room`; the others are after them in the order of the mail.
std::size_t write_items(Writer& writer, const std::vector<Item>& items, std::size_t room) {
    Writer written;
    std::size_t count = 0;
    while (count < std::min(items.size(), policy::kMaxItems)) {
        const auto item = encode_item(items[count]);
        if (written.size() + item.size() > room)
            break;
        written.append(item);
        ++count;
    }
    writer.number(static_cast<std::uint16_t>(count));
    writer.append(written);
    return count;
}

Writer encode_field(const FieldSeen& field) {
    Writer writer;
    writer.utf8<std::uint8_t>(field.name, policy::kMaxFieldName);
    writer.number(field.count);
    writer.number(static_cast<std::uint8_t>(field.malformed ? 1 : 0));
    const auto values = std::min(field.values.size(), policy::kMaxFieldValues);
    writer.number(static_cast<std::uint16_t>(values));
    for (std::size_t i = 0; i < values; ++i)
        writer.utf8<std::uint16_t>(field.values[i], policy::kMaxFieldOctets);
    return writer;
}

FieldSeen read_field(Reader& reader) {
    FieldSeen field;
    field.name = reader.utf8<std::uint8_t>(policy::kMaxFieldName);
    field.count = reader.number<std::uint16_t>();
    const auto malformed = reader.number<std::uint8_t>();
    reader.require(field.count > 0 && malformed <= 1);
    field.malformed = malformed == 1;
    const std::size_t values = reader.number<std::uint16_t>();
    reader.require(values <= policy::kMaxFieldValues && values <= field.count);
    for (std::size_t i = 0; i < values && reader.good(); ++i)
        field.values.push_back(reader.utf8<std::uint16_t>(policy::kMaxFieldOctets));
    return field;
}

// Fields that fit into `room`, with their number before them. `left_out`: some did not.
Writer encode_fields(const std::vector<FieldSeen>& fields, std::size_t room, bool& left_out) {
    Writer written;
    std::uint16_t count = 0;
    for (; count < std::min(fields.size(), policy::kMaxWantedFields); ++count) {
        const auto field = encode_field(fields[count]);
        if (written.size() + field.size() > room)
            break;
        written.append(field);
    }
    left_out = count < fields.size();
    Writer writer;
    writer.number(count);
    writer.append(written);
    return writer;
}

std::vector<Exceeded> exceeded_with(const Contents& contents, bool left_out) {
    auto exceeded = contents.exceeded;
    const bool told = std::any_of(exceeded.begin(), exceeded.end(),
                                  [](const Exceeded& one) { return one.limit == policy::ContentLimit::kFacts; });
    if (left_out && !told)
        exceeded.push_back({policy::ContentLimit::kFacts, 0, contents.items.size()});
    exceeded.resize(std::min(exceeded.size(), policy::kContentLimits));
    return exceeded;
}

}  // namespace

Writer encode_contents(const Contents& contents, std::size_t room) {
    Writer writer;
    bool fields_left_out = false;
    const auto fields = encode_fields(contents.fields, (room - kFixed) / 2, fields_left_out);
    const std::size_t for_all = room - kFixed - (fields.size() - 2);
    const auto count =
        write_items(writer, contents.items, for_all - std::min({kForHits, for_all, contents.hits.size() * kHit}));
    const std::size_t for_hits = for_all - (writer.size() - 2);
    const auto place = [count](std::uint16_t item) { return item < count ? item : std::uint16_t{0}; };
    const auto hits = std::min({contents.hits.size(), policy::kMaxHits, for_hits / kHit});
    const auto exceeded =
        exceeded_with(contents, count < contents.items.size() || hits < contents.hits.size() || fields_left_out);
    writer.number(static_cast<std::uint8_t>(exceeded.size()));
    for (const auto& one : exceeded) {
        writer.number(static_cast<std::uint8_t>(one.limit));
        writer.number(place(one.item));
        writer.number(one.value);
    }
    writer.number(static_cast<std::uint16_t>(hits));
    for (std::size_t i = 0; i < hits; ++i) {
        const auto& hit = contents.hits[i];
        writer.number(hit.expression);
        writer.number(place(hit.item));
        writer.number(hit.score);
        writer.utf8<std::uint8_t>(hit.excerpt, policy::kMaxExcerpt);
    }
    writer.number(contents.defects);
    writer.number(contents.expression_set);
    writer.utf8<std::uint8_t>(contents.subject, kMaxName);
    writer.utf8<std::uint8_t>(contents.from, kMaxName);
    writer.append(fields);
    writer.utf8<std::uint8_t>(contents.malformed_field, policy::kMaxFieldName);
    const auto languages = std::min(contents.languages.size(), policy::kMaxLanguages);
    writer.number(static_cast<std::uint8_t>(languages));
    for (std::size_t i = 0; i < languages; ++i)
        writer.utf8<std::uint8_t>(contents.languages[i], policy::kMaxLanguage);
    writer.number(contents.writings);
    return writer;
}

Contents read_contents(Reader& reader) {
    Contents contents;
    const std::size_t items = reader.number<std::uint16_t>();
    reader.require(items <= policy::kMaxItems);
    for (std::size_t i = 0; i < items && reader.good(); ++i)
        contents.items.push_back(read_item(reader, contents.items));
    const auto there = [&](std::uint16_t item) { return item < std::max<std::size_t>(contents.items.size(), 1); };
    const std::size_t exceeded = reader.number<std::uint8_t>();
    reader.require(exceeded <= policy::kContentLimits);
    for (std::size_t i = 0; i < exceeded && reader.good(); ++i) {
        Exceeded one;
        const auto limit = reader.number<std::uint8_t>();
        reader.require(limit < policy::kContentLimits);
        one.limit = static_cast<policy::ContentLimit>(limit);
        one.item = reader.number<std::uint16_t>();
        one.value = reader.number<std::uint64_t>();
        reader.require(there(one.item));
        contents.exceeded.push_back(one);
    }
    const std::size_t hits = reader.number<std::uint16_t>();
    reader.require(hits <= policy::kMaxHits);
    for (std::size_t i = 0; i < hits && reader.good(); ++i) {
        Hit hit;
        hit.expression = reader.number<std::uint32_t>();
        hit.item = reader.number<std::uint16_t>();
        hit.score = reader.number<std::uint32_t>();
        hit.excerpt = reader.utf8<std::uint8_t>(policy::kMaxExcerpt);
        reader.require(there(hit.item));
        contents.hits.push_back(std::move(hit));
    }
    contents.defects = reader.number<std::uint64_t>();
    contents.expression_set = reader.number<std::uint32_t>();
    contents.subject = reader.utf8<std::uint8_t>(kMaxName);
    contents.from = reader.utf8<std::uint8_t>(kMaxName);
    const std::size_t fields = reader.number<std::uint16_t>();
    reader.require(fields <= policy::kMaxWantedFields);
    for (std::size_t i = 0; i < fields && reader.good(); ++i)
        contents.fields.push_back(read_field(reader));
    contents.malformed_field = reader.utf8<std::uint8_t>(policy::kMaxFieldName);
    const std::size_t languages = reader.number<std::uint8_t>();
    reader.require(languages <= policy::kMaxLanguages);
    for (std::size_t i = 0; i < languages && reader.good(); ++i)
        contents.languages.push_back(reader.utf8<std::uint8_t>(policy::kMaxLanguage));
    contents.writings = reader.number<std::uint16_t>();
    reader.require((contents.writings >> policy::kWritings) == 0);
    return contents;
}

}  // namespace scanners::wire
