// Excel's strings: those of cells in one table (BIFF8), which goes on through many records, or in the cells' own
// records; names of sheets, headers, text in boxes and comments.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "scanners/attachment/octets.hpp"
#include "scanners/attachment/old_office_text.hpp"
#include "scanners/charset.hpp"

namespace scanners::attachment {
namespace {

constexpr std::uint16_t kBegin = 0x0809, kPassword = 0x002F, kContinue = 0x003C, kCodePage = 0x0042, kSheet = 0x0085,
                        kStrings = 0x00FC, kLabel2 = 0x0004, kLabel = 0x0204, kRichLabel = 0x00D6, kResult2 = 0x0007,
                        kResult = 0x0207, kHeader = 0x0014, kFooter = 0x0015, kBox = 0x01B6;

// Flags of a string ([MS-XLS] 2.5.293).
constexpr std::uint8_t kWide = 0x01, kPhonetic = 0x04, kRich = 0x08;

// A record with those that go on with it.
class Pieces {
  public:
    void add(std::string_view piece) { pieces_.push_back(piece); }
    [[nodiscard]] bool at_end() {
        while (piece_ < pieces_.size() && at_ >= pieces_[piece_].size())
            go_on();
        return piece_ >= pieces_.size();
    }

    // What is not there is 0.
    std::uint32_t number(std::size_t width) {
        std::uint32_t value = 0;
        for (std::size_t i = 0; i < width && !at_end(); ++i)
            value |= static_cast<std::uint32_t>(static_cast<unsigned char>(pieces_[piece_][at_++])) << (8 * i);
        return value;
    }

    void skip(std::uint64_t octets) {
        while (octets > 0 && !at_end()) {
            const auto some = std::min<std::uint64_t>(octets, pieces_[piece_].size() - at_);
            at_ += static_cast<std::size_t>(some);
            octets -= some;
        }
    }

    // Where a string goes on in the next record, its flags stand there once more, and may be others.
    void characters(std::uint64_t count, std::uint8_t flags, CollectedText& text) {
        while (count > 0 && !text.full()) {
            if (piece_ < pieces_.size() && at_ >= pieces_[piece_].size()) {
                if (at_end())
                    return;
                flags = static_cast<std::uint8_t>(number(1));
            }
            if (at_end())
                return;
            const std::size_t width = (flags & kWide) != 0 ? 2 : 1;
            const auto left = part(pieces_[piece_], at_);
            const auto some = std::min<std::uint64_t>(count, left.size() / width);
            add(left.substr(0, static_cast<std::size_t>(some) * width), width, text);
            // Half a character at the end of a piece belongs to nobody.
            at_ = some < count ? pieces_[piece_].size() : at_ + static_cast<std::size_t>(some) * width;
            count -= some;
        }
    }

  private:
    void go_on() {
        ++piece_;
        at_ = 0;
    }

    // Octets are the lower halves of UTF-16.
    static void add(std::string_view octets, std::size_t width, CollectedText& text) {
        for (std::size_t at = 0; at < octets.size() && !text.full(); at += width) {
            const auto c = static_cast<char16_t>(little(octets, at, width));
            if (c >= 0x20 || c == 0x09 || c == 0x0A)
                text.add_unit(c);
        }
    }

    std::vector<std::string_view> pieces_;
    std::size_t piece_ = 0;
    std::size_t at_ = 0;
};

class ExcelText {
  public:
    ExcelText(std::string_view records, const InTime& in_time, CollectedText& text)
        : records_(records), in_time_(in_time), text_(text) {}

    void run() {
        for (std::size_t count = 1; at_ + 4 <= records_.size() && !text_.full(); ++count) {
            if ((count & 0xFFF) == 0 && !in_time_())
                return;
            const auto type = little16(records_, at_);
            if (type == kPassword)
                return;  // the rest is encrypted
            take(type, next());
        }
    }

  private:
    std::string_view next() {
        const auto length = little16(records_, at_ + 2);
        const auto record = part(records_, at_ + 4, length);
        at_ += 4ULL + length;
        return record;
    }

    // The record, and those that go on with it.
    Pieces with_more(std::string_view record) {
        Pieces pieces;
        pieces.add(record);
        while (at_ + 4 <= records_.size() && little16(records_, at_) == kContinue)
            pieces.add(next());
        return pieces;
    }

    void take(std::uint16_t type, std::string_view record) {
        switch (type) {
            case kBegin:
                version8_ = little16(record, 0) >= 0x0600;
                break;
            case kCodePage:
                page_ = little16(record, 0);
                break;
            case kStrings:
                strings(with_more(record));
                break;
            case kLabel:
            case kRichLabel:
                string(record, 6, 2);
                break;
            case kLabel2:
                string(record, 7, 1);
                break;
            case kResult:
                string(record, 0, version8_ || record.size() < 2 || record[1] == '\0' ? 2 : 1);
                break;
            case kResult2:
                string(record, 0, 1);
                break;
            case kHeader:
            case kFooter:
                string(record, 0, version8_ ? 2 : 1);
                break;
            case kSheet:
                string(record, 6, 1);
                break;
            case kBox:
                box(with_more(record));
                break;
            default:
                break;
        }
    }

    // The table of all cells' strings.
    void strings(Pieces pieces) {
        pieces.skip(4);
        const auto total = pieces.number(4);
        for (std::uint32_t i = 0; i < total && !pieces.at_end() && !text_.full(); ++i) {
            if ((i & 0xFFF) == 0xFFF && !in_time_())
                return;
            const auto length = pieces.number(2);
            const auto flags = static_cast<std::uint8_t>(pieces.number(1));
            const std::uint64_t runs = (flags & kRich) != 0 ? pieces.number(2) : 0;
            const std::uint64_t phonetic = (flags & kPhonetic) != 0 ? pieces.number(4) : 0;
            pieces.characters(length, flags, text_);
            pieces.skip(4 * runs + phonetic);
            text_.end_line();
        }
    }

    // A string at this place of a record, with a length of so many octets before it.
    void string(std::string_view record, std::uint64_t at, std::size_t width) {
        const auto length = little(record, at, width);
        if (version8_) {
            Pieces pieces;
            pieces.add(part(record, at + width + 1));
            pieces.characters(length, static_cast<std::uint8_t>(little(record, at + width, 1)), text_);
        } else if (const auto octets = part(record, at + width, length); !octets.empty()) {
            text_.add(std::string_view(to_utf8(octets, charset())));
        }
        text_.end_line();
    }

    // The text of a drawn object or a comment: the next record has it, the one behind that its fonts.
    void box(Pieces pieces) {
        pieces.skip(10);
        const auto length = pieces.number(2);
        pieces.skip(6);
        if (length == 0 || pieces.at_end())
            return;
        pieces.characters(length, static_cast<std::uint8_t>(pieces.number(1)), text_);
        text_.end_line();
    }

    [[nodiscard]] std::string charset() const {
        constexpr unsigned kMac = 0x8000;
        if (page_ == kMac || page_ == 10000)
            return "macintosh";
        return page_ >= 1250 && page_ <= 1258 ? "windows-" + std::to_string(page_)
               : page_ >= 437 && page_ < 1250 ? "cp" + std::to_string(page_)
                                              : "windows-1252";
    }

    std::string_view records_;
    const InTime& in_time_;
    CollectedText& text_;
    std::uint64_t at_ = 0;
    bool version8_ = false;
    unsigned page_ = 1252;
};

}  // namespace

void excel_text(std::string_view records, const InTime& in_time, CollectedText& text) {
    ExcelText(records, in_time, text).run();
}

}  // namespace scanners::attachment
