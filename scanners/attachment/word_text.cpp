// Word's text lies in pieces, in any order, each in octets or in UTF-16; a table says where. Until Word 95 it lies in
// one, mostly.
#include <algorithm>
#include <string>

#include "scanners/attachment/octets.hpp"
#include "scanners/attachment/old_office_text.hpp"
#include "scanners/charset.hpp"

namespace scanners::attachment {
namespace {

// Of the file information block, [MS-DOC] 2.5.1: what all versions have at the same place.
constexpr std::uint64_t kVersion = 0x02;    // FibBase.nFib
constexpr std::uint64_t kFlags = 0x0A;      // FibBase
constexpr std::uint64_t kTextBegin = 0x18;  // until Word 95
constexpr std::uint64_t kTextEnd = 0x1C;
constexpr std::uint64_t kPieces = 0x01A2;  // FibRgFcLcb97.fcClx, lcbClx
constexpr std::uint16_t kWord97 = 0x00C1;
constexpr std::uint16_t kTable1 = 0x0200;  // FibBase.fWhichTblStm

constexpr std::uint32_t kOctets = 0x40000000;  // FcCompressed.fCompressed

// The table of pieces in what fcClx leads to: behind any number of properties ([MS-DOC] 2.9.38).
std::string_view piece_table(std::string_view clx) {
    constexpr char kProperties = 1, kTable = 2;
    std::uint64_t at = 0;
    while (at < clx.size() && clx[at] == kProperties)
        at += 3ULL + little16(clx, at + 1);
    if (at >= clx.size() || clx[at] != kTable)
        return {};
    return part(clx, at + 5, little32(clx, at + 1));
}

// Signs of Word that are no text ([MS-DOC] 2.4.1, 2.8.25): ends of paragraphs, cells and lines, marks of fields and of
// what is put into the text.
void add_character(CollectedText& text, char32_t c) {
    switch (c) {
        case 0x07:  // cell
        case 0x0B:  // line
        case 0x0C:  // page, section
        case 0x0D:
        case 0x0E:  // column
        case 0x13:  // a field begins with its instruction
        case 0x14:  // and goes on with its result
            text.end_line();
            break;
        case 0x09:
            text.add(c);
            break;
        case 0x1E:  // a hyphen that is no place to break a line
            text.add(U'-');
            break;
        default:
            if (c >= 0x20)
                text.add_unit(static_cast<char16_t>(c));
    }
}

void add_wide(std::string_view octets, CollectedText& text) {
    for (std::size_t at = 0; at + 1 < octets.size() && !text.full(); at += 2)
        add_character(text, little16(octets, at));
}

bool is_sign(char c) {
    return static_cast<unsigned char>(c) < 0x20;
}

// Windows-1252; what is in other code pages is in UTF-16 since Word 97.
void add_narrow(std::string_view octets, CollectedText& text) {
    while (!octets.empty() && !text.full()) {
        const auto length =
            static_cast<std::size_t>(std::find_if(octets.begin(), octets.end(), is_sign) - octets.begin());
        if (length > 0)
            text.add(std::string_view(to_utf8(octets.substr(0, length), "windows-1252")));
        if (length < octets.size())
            add_character(text, static_cast<unsigned char>(octets[length]));
        octets.remove_prefix(std::min(length + 1, octets.size()));
    }
}

void add_pieces(std::string_view document, std::string_view table, const InTime& in_time, CollectedText& text) {
    const std::uint64_t count = table.size() < 4 ? 0 : (table.size() - 4) / 12;
    for (std::uint64_t i = 0; i < count && !text.full() && in_time(); ++i) {
        const auto begin = little32(table, 4 * i);
        const auto end = little32(table, 4 * i + 4);
        const auto place = little32(table, 4 * (count + 1) + 8 * i + 2);
        if (end <= begin)
            continue;
        const std::uint64_t length = end - begin;
        if ((place & kOctets) != 0)
            add_narrow(part(document, (place & ~kOctets) / 2, length), text);
        else
            add_wide(part(document, place, 2 * length), text);
    }
}

}  // namespace

std::string_view word_tables(std::string_view document) {
    return (little16(document, kFlags) & kTable1) != 0 ? "1table" : "0table";
}

void word_text(std::string_view document, std::string_view tables, const InTime& in_time, CollectedText& text) {
    std::string_view pieces;
    if (little16(document, kVersion) >= kWord97)
        pieces = piece_table(part(tables, little32(document, kPieces), little32(document, kPieces + 4)));
    if (!pieces.empty())
        return add_pieces(document, pieces, in_time, text);
    const auto begin = little32(document, kTextBegin);
    const auto end = little32(document, kTextEnd);
    if (end > begin)
        add_narrow(part(document, begin, end - begin), text);
}

void powerpoint_text(std::uint16_t type, std::string_view record, CollectedText& text) {
    constexpr std::uint16_t kCharacters = 0x0FA0, kOctetsOnly = 0x0FA8, kName = 0x0FBA;
    if (type != kCharacters && type != kOctetsOnly && type != kName)
        return;
    const std::size_t width = type == kOctetsOnly ? 1 : 2;  // octets: lower halves of UTF-16
    for (std::size_t at = 0; at + width <= record.size() && !text.full(); at += width) {
        const auto c = static_cast<char16_t>(little(record, at, width));
        if (c == 0x0B || c == 0x0D)
            text.end_line();
        else if (c >= 0x20 || c == 0x09)
            text.add_unit(c);
    }
    text.end_line();
}

}  // namespace scanners::attachment
