#include "scanners/other_readings.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "mail/mime/base64.hpp"
#include "mail/mime/binhex.hpp"
#include "mail/mime/defect.hpp"
#include "mail/mime/readings.hpp"
#include "mail/mime/uuencode.hpp"
#include "mail/mime/yenc.hpp"
#include "mail/text.hpp"
#include "scanners/charset.hpp"
#include "scanners/file_names.hpp"
#include "scanners/transfer.hpp"

namespace scanners {
namespace {

using mail::mime::bit;
using mail::mime::Defect;
using mail::mime::Encoding;
using mail::mime::Entity;
using mail::mime::LoosePart;
using mail::mime::Tree;

constexpr std::uint64_t kAmbiguous =
    bit(Defect::kHeaderLine) | bit(Defect::kFieldName) | bit(Defect::kBlankHeaderLine) | bit(Defect::kHeaderControl) |
    bit(Defect::kHeaderWithoutEnd) | bit(Defect::kManyTypes) | bit(Defect::kManyEncodings) | bit(Defect::kTypeSyntax) |
    bit(Defect::kParameterRepeated) | bit(Defect::kParameterQuoting) | bit(Defect::kParameterComment) |
    bit(Defect::kParameterSyntax) | bit(Defect::kParameterSections) | bit(Defect::kBoundaryParameter) |
    bit(Defect::kEncodingSyntax) | bit(Defect::kEncodingUnknown) | bit(Defect::kEncodingOld) |
    bit(Defect::kCompositeEncoded) | bit(Defect::kNoBoundary) | bit(Defect::kBoundarySyntax) |
    bit(Defect::kBoundaryUnseen) | bit(Defect::kPartAfterClose) | bit(Defect::kDelimiterLine) |
    bit(Defect::kBoundaryNested) | bit(Defect::kBase64Octets) | bit(Defect::kBase64Padding) |
    bit(Defect::kBase64Length) | bit(Defect::kQuotedPrintable) | bit(Defect::kNul) | bit(Defect::kBase64Gap) |
    bit(Defect::kUnusualField) | bit(Defect::kUnusualBody);

// Of the mail's size, in octets that are decoded to find other readings, and a floor for small ones.
constexpr std::uint64_t kWorkFactor = 16;
constexpr std::uint64_t kWorkFloor = 1U << 20;
// Readers differ in how deep they go; mail that is forwarded as it is has a few levels.
constexpr std::uint32_t kUsualDepth = 5;
constexpr unsigned kMaxDeep = 3;
constexpr std::size_t kMaxFoundFiles = 16;

bool has_rare_boundary(const Entity& entity) {
    const auto& all = entity.type.parameters;
    return entity.is_multipart() && std::any_of(all.begin(), all.end(), [](const auto& one) {
               return one.name == "boundary" && (one.extended || one.section != mail::mime::kNoSection);
           });
}

// Decoded octets that begin like a mail or an entity.
bool looks_like_entity(std::string_view octets) {
    const auto line = octets.substr(0, std::min<std::size_t>(octets.find('\n'), 1000));
    if (line.find(':') == std::string_view::npos)
        return false;
    const auto start = octets.substr(0, 8192);
    constexpr std::string_view kContent = "content-t";
    return std::search(start.begin(), start.end(), kContent.begin(), kContent.end(),
                       [](char a, char b) { return mail::lower(a) == b; }) != start.end();
}

}  // namespace

bool is_ambiguous(std::uint64_t defects) {
    return (defects & kAmbiguous) != 0;
}

bool is_clear(const Tree& tree, std::size_t entity) {
    while (true) {
        const auto& one = tree.entities[entity];
        if (is_ambiguous(one.defects) || has_rare_boundary(one) || one.depth > kUsualDepth)
            return false;
        if (entity == 0)
            return true;
        entity = one.parent;
    }
}

struct OtherReadings::Place {
    std::string_view text;
    const LoosePart& part;
    std::size_t parent;
    unsigned deep;
    std::span<const std::string> charsets;  // that what will be found may be in; none: UTF-8, or converted already
};

OtherReadings::OtherReadings(Opening& opening, std::uint64_t mail_size, Found found)
    : opening_(opening), found_(std::move(found)), work_left_(mail_size * kWorkFactor + kWorkFloor) {}

bool OtherReadings::may_work(std::size_t octets, std::size_t item) {
    if (octets > work_left_ || readings_ > opening_.limits().readings) {
        opening_.exceeded(policy::ContentLimit::kReadings, item, readings_ + 1U);
        work_left_ = 0;
        return false;
    }
    work_left_ -= octets;
    return opening_.in_time(item);
}

void OtherReadings::add(std::size_t item, std::string_view octets) {
    if (octets.empty() || !seen_.insert(octets).second)
        return;
    if (++readings_ > opening_.limits().readings)
        opening_.exceeded(policy::ContentLimit::kReadings, item, readings_);
    else
        opening_.add_extra({item, octets});
}

bool OtherReadings::take(const Place& place, std::string octets) {
    // What is known as octets may be a text that is not.
    if (octets.empty() || seen_.contains(octets))
        return work_left_ > 0 && take_converted(place, octets);
    if (++readings_ > opening_.limits().readings) {
        opening_.exceeded(policy::ContentLimit::kReadings, place.parent, readings_);
        return false;
    }
    policy::Item item;
    item.kind = policy::Item::Kind::kReading;
    item.parent = static_cast<std::uint16_t>(place.parent);
    item.layer = opening_.item(place.parent).layer;
    item.size = octets.size();
    const auto header = mail::mime::parse(place.part.header.of(place.text), {1, 100, 100, 0});
    item.names = file_names(place.part.header.of(place.text), header.entities.front());
    const auto index = opening_.add(std::move(item));
    if (!index || !opening_.expand(*index, octets.size(), octets.size()))
        return false;
    opening_.contents().defects |= bit(Defect::kHiddenPart);
    const auto kept = opening_.keep(std::move(octets));
    seen_.insert(kept);
    opening_.add_extra({*index, kept});
    found_(*index, kept);
    if (place.deep >= kMaxDeep)
        return true;
    if (looks_like_entity(kept))
        look(kept, *index, mail::mime::parse(kept, {}), place.deep + 1);
    const Place inside{place.text, place.part, *index, place.deep + 1, place.charsets};
    return take_converted(inside, kept) && take_files(inside, kept);
}

// A text in a character set that is not built on ASCII.
bool OtherReadings::take_converted(const Place& place, std::string_view octets) {
    const bool marked = octets.starts_with("\xFE\xFF") || octets.starts_with("\xFF\xFE");
    static const std::string kMarked = "utf-16";
    const Place converted{place.text, place.part, place.parent, place.deep, {}};
    for (const auto& charset : marked ? std::span(&kMarked, 1) : place.charsets) {
        if (is_wide_charset(charset) &&
            (!may_work(octets.size(), place.parent) || !take(converted, to_utf8(octets, charset))))
            return false;
    }
    return true;
}

// Files that stand in a text without MIME.
bool OtherReadings::take_files(const Place& place, std::string_view text) {
    if (!may_work(text.size(), place.parent))
        return false;
    std::uint64_t unused = 0;
    for (const auto find : {mail::mime::find_uuencoded, mail::mime::find_yencoded, mail::mime::find_binhex}) {
        for (auto& file : find(text, kMaxFoundFiles, unused)) {
            if (!take(place, std::move(file.octets)) || (!file.other.empty() && !take(place, std::move(file.other))))
                return false;
        }
    }
    return true;
}

void OtherReadings::look_at_part(const Place& place, std::size_t begin, std::size_t end, Encoding encoding) {
    if (end <= begin || !may_work(end - begin, place.parent))
        return;
    const auto body = place.text.substr(begin, end - begin);
    std::uint64_t defects = 0;
    if (!take(place, decode_body(body, encoding, defects)) || !is_ambiguous(defects))
        return;
    decode_otherwise(body, encoding, defects, [&](std::string octets) {
        return take(place, std::move(octets)) && may_work(body.size(), place.parent);
    });
}

void OtherReadings::look(std::string_view text, std::size_t parent, const Tree& tree, unsigned deep) {
    const bool ambiguous = deep > 0 || is_ambiguous(tree.defects);
    // What the first reading saw as every other does need not be decoded once more.
    std::vector<std::pair<std::size_t, const Entity*>> clear;
    for (std::size_t i = 0; i < tree.entities.size() && deep == 0; ++i) {
        if (tree.entities[i].leaf && is_clear(tree, i))
            clear.emplace_back(tree.entities[i].body.begin, &tree.entities[i]);
    }
    const auto is_seen = [&](std::size_t begin, std::size_t end, Encoding encoding) {
        return std::any_of(clear.begin(), clear.end(), [&](const auto& one) {
            return one.first == begin && one.second->body.end >= end && one.second->encoding == encoding;
        });
    };
    auto parts = mail::mime::find_parts(text, opening_.limits().entities + 1U);
    if (parts.size() > opening_.limits().entities) {
        opening_.exceeded(policy::ContentLimit::kReadings, parent, readings_);
        parts.pop_back();
    }
    for (const auto& part : parts) {
        const Place place{text, part, parent, deep, part.charsets};
        for (const auto body : part.bodies) {
            auto encodings = part.encodings;
            const auto guess = text.substr(body, std::max(part.next_dashes, body) - body);
            if (std::find(encodings.begin(), encodings.end(), Encoding::kBase64) == encodings.end() &&
                mail::mime::looks_like_base64(guess))
                encodings.push_back(Encoding::kBase64);
            if (ambiguous && !part.delimiter.empty())
                encodings.push_back(Encoding::kIdentity);
            // A body that begins before the header's end may end there.
            std::vector<std::size_t> ends = {part.next_dashes};
            if (part.next_own != part.next_dashes)
                ends.push_back(part.next_own);
            if (body < part.header.end)
                ends.push_back(part.header.end);
            for (const auto encoding : encodings) {
                for (const auto end : ends) {
                    if (!is_seen(body, end, encoding))
                        look_at_part(place, body, end, encoding);
                }
            }
        }
    }
    if (deep == 0)
        take_files({text, parts.front(), parent, deep, {}}, text);
}

}  // namespace scanners
