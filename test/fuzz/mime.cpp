// MIME: ranges lie inside their parents and inside the text, one behind the other; decoders give no more than they may;
// what readings find lies inside, too.
#include <algorithm>

#include "mail/mime/base64.hpp"
#include "mail/mime/binhex.hpp"
#include "mail/mime/quoted_printable.hpp"
#include "mail/mime/readings.hpp"
#include "mail/mime/tnef.hpp"
#include "mail/mime/tree.hpp"
#include "mail/mime/uuencode.hpp"
#include "mail/mime/words.hpp"
#include "mail/mime/yenc.hpp"
#include "target.hpp"

namespace {

using fuzz::require;
using mail::mime::Entity;
using mail::mime::Range;
using mail::mime::Tree;

constexpr mail::mime::TreeLimits kLimits{20, 30, 10, 5};

bool inside(const Range& part, const Range& whole) {
    return part.begin <= part.end && whole.begin <= part.begin && part.end <= whole.end;
}

void check_header(const mail::mime::Header& header, std::string_view text) {
    require(inside(header.range, {0, text.size()}), "a header is inside the text");
    require(header.body >= header.range.end && header.body <= header.range.end + 2, "an empty line ends a header");
    require(header.fields.size() <= kLimits.header_fields, "fields have a limit");
    std::size_t at = header.range.begin;
    for (const auto& field : header.fields) {
        require(inside(field.range, {at, header.range.end}), "fields stand one behind the other");
        require(inside(field.name, field.range) && !field.name.empty(), "a name is inside its field");
        require(inside(field.value, {field.name.end, field.range.end}), "a value stands behind its name");
        at = field.range.end;
    }
}

void check_tree(const Tree& tree, std::string_view text) {
    require(!tree.entities.empty() && tree.entities.size() <= kLimits.entities, "entities have a limit");
    std::vector<std::size_t> ends(tree.entities.size());
    for (std::size_t i = 0; i < tree.entities.size(); ++i) {
        const Entity& one = tree.entities[i];
        check_header(one.header, text);
        require(one.header.body == one.body.begin && inside(one.body, {0, text.size()}), "the body follows the header");
        require(one.depth <= kLimits.depth, "depth has a limit");
        require(one.type.parameters.size() <= kLimits.header_parameters, "parameters have a limit");
        if (!one.close.empty())
            require(inside(one.close, {one.body.begin, text.size()}), "a close delimiter stands in its multipart");
        ends[i] = one.body.begin;
        if (i == 0)
            continue;
        const Entity& above = tree.entities[one.parent];
        require(one.parent < i && !above.leaf && one.depth == above.depth + 1, "parents come first");
        const auto begin = one.delimiter.empty() ? one.header.range.begin : one.delimiter.begin;
        require(begin >= ends[one.parent], "brothers do not overlap");
        require(one.body.end <= std::max(above.body.end, one.body.begin), "a child ends in its parent");
        ends[one.parent] = one.body.end;
    }
}

std::string same(std::string_view text, std::string_view /*charset*/) {
    return std::string(text);
}

void check_decoders(std::string_view text) {
    std::uint64_t defects = 0;
    for (unsigned i = 0; i < mail::mime::kBase64Readings; ++i)
        require(mail::mime::decode_base64(text, static_cast<mail::mime::Base64Reading>(i), defects).size() <=
                    text.size() / 4 * 3 + 3,
                "base64 shrinks");
    for (unsigned i = 0; i < mail::mime::kQuotedReadings; ++i)
        require(mail::mime::decode_quoted_printable(text, static_cast<mail::mime::QuotedReading>(i), defects).size() <=
                    text.size(),
                "quoted-printable shrinks");
    require(mail::mime::decode_words(text, same, defects).size() <= text.size(), "words shrink");
    std::size_t end = 0;
    for (const auto& file : mail::mime::find_uuencoded(text, 5, defects)) {
        require(file.begin >= end && file.begin < file.end && file.end <= text.size(),
                "files stand one behind the other");
        require(file.octets.size() <= 3 * (file.end - file.begin), "uuencode has a limit");
        require(file.other.size() <= 3 * (file.end - file.begin), "so has its other reading");
        end = file.end;
    }
    for (const auto& file : mail::mime::find_yencoded(text, 5, defects))
        require(file.end <= text.size() && file.octets.size() <= text.size(), "yEnc shrinks");
    for (const auto& file : mail::mime::find_binhex(text, 5, defects))
        require(file.octets.size() <= mail::mime::kMaxBinhex + 255, "BinHex has a limit");
    std::size_t total = 0;
    for (const auto& file : mail::mime::read_tnef(text, 5, defects))
        total += file.octets.size();
    require(total <= text.size(), "attachments lie inside");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = fuzz::as_text(data, size);
    const auto tree = mail::mime::parse(text, kLimits);
    check_tree(tree, text);
    for (const auto& entity : tree.entities) {
        if (entity.leaf)
            check_decoders(entity.body.of(text));
    }
    check_decoders(text);
    for (const auto& part : mail::mime::find_parts(text, 20)) {
        require(inside(part.header, {part.delimiter.end, text.size()}), "a header stands behind its delimiter");
        require(!part.bodies.empty() && part.bodies.size() <= 4, "a part has a body");
        for (const auto body : part.bodies)
            require(body >= part.header.begin && body <= text.size(), "a body is inside the text");
        require(part.next_dashes <= part.next_own && part.next_own <= text.size(), "a body ends inside the text");
    }
    return 0;
}
