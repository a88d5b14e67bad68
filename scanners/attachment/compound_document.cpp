#include "scanners/attachment/compound_document.hpp"

#include <algorithm>
#include <string>

#include "scanners/attachment/buffer.hpp"
#include "scanners/attachment/compound_file.hpp"
#include "scanners/attachment/inflate.hpp"
#include "scanners/attachment/names.hpp"
#include "scanners/attachment/objects.hpp"
#include "scanners/attachment/octets.hpp"
#include "scanners/attachment/old_office_text.hpp"

namespace scanners::attachment {
namespace {

using namespace std::string_view_literals;
using policy::Item;
using policy::Mark;
using Entry = CompoundFile::Entry;

// Class of an installer's root, as it lies in the file.
constexpr std::string_view kInstaller = "\x84\x10\x0c\0\0\0\0\0\xc0\0\0\0\0\0\0\x46"sv;

// One character of Word's text; fields begin with this one.
constexpr char kFieldBegin = 0x13;

// The field instructions of Word's text, in octets or UTF-16.
bool has_external_field(std::string_view text) {
    for (auto at = text.find(kFieldBegin); at != std::string_view::npos; at = text.find(kFieldBegin, at + 1)) {
        std::string instruction(text.substr(at + 1, 512));
        if (instruction.starts_with('\0'))
            std::erase(instruction, '\0');
        instruction.resize(std::min(instruction.find_first_of("\x13\x14\x15"), instruction.size()));
        if (is_external_field(instruction))
            return true;
    }
    return false;
}

// Marks of `item`: macro sheets, password, links.
void read_excel_records(Item& item, std::string_view records) {
    constexpr std::uint16_t kBegin2 = 0x0009, kBegin3 = 0x0209, kBegin4 = 0x0409, kBegin = 0x0809;  // BOF
    constexpr std::uint16_t kPassword = 0x002F, kSheet = 0x0085, kOtherBook = 0x01AE, kOtherSheet = 0x0017;
    constexpr std::uint16_t kMacroSheet = 0x0040;
    for (std::uint64_t at = 0; at + 4 <= records.size();) {
        const auto type = little16(records, at);
        const auto length = little16(records, at + 2);
        const auto record = part(records, at + 4, length);
        at += 4ULL + length;
        if (type == kPassword)
            return item.set(Mark::kEncrypted);  // the rest is
        if ((type == kBegin || type == kBegin2 || type == kBegin3 || type == kBegin4) &&
            little16(record, 2) == kMacroSheet)
            item.set(Mark::kMacro);
        const auto kind = static_cast<unsigned char>(record.size() > 5 ? record[5] : 0);
        if (type == kSheet && (kind == 1 || kind == 6))  // a macro sheet, a module
            item.set(Mark::kMacro);
        const auto book = little16(record, 2);
        if (type == kOtherBook && record.size() >= 4 && book != 0x0401 && book != 0x3A01)  // not itself, not functions
            item.set(Mark::kExternal);
        if (type == kOtherSheet && record.size() > 2 && record[1] == 1)
            item.set(Mark::kExternal);
    }
}

class Document {
  public:
    Document(Opening& opening, std::size_t item, const CompoundFile& file, std::uint64_t packed)
        : opening_(opening), item_(item), file_(file), packed_(packed) {}

    void open() {
        set_type();
        if (file_.damaged())
            mark(Mark::kMalformed);
        for (const auto& entry : file_.entries()) {
            if (!opening_.in_time(item_))
                break;
            look_at(entry);
        }
        give_text();
    }

  private:
    void set_type() {
        opening_.item(item_).true_type = "application/x-ole-storage";
        // Outermost first: a document may hold documents of other programs.
        for (const bool outermost : {true, false}) {
            for (const auto& entry : file_.entries()) {
                const auto type = type_by(entry);
                if (!type.empty() && (entry.parent == 0) == outermost) {
                    opening_.item(item_).true_type = type;
                    return;
                }
            }
        }
        if (file_.root_class() == kInstaller)
            opening_.item(item_).true_type = "application/x-msi";
    }

    static std::string_view type_by(const Entry& entry) {
        constexpr std::pair<std::string_view, std::string_view> kStreams[] = {
            {"encryptedpackage", "application/encrypted"},
            {"worddocument", "application/msword"},
            {"workbook", "application/vnd.ms-excel"},
            {"book", "application/vnd.ms-excel"},
            {"powerpoint document", "application/vnd.ms-powerpoint"},
            {"visiodocument", "application/vnd.visio"},
            {"quill", "application/x-mspublisher"},
            {"__properties_version1.0", "application/vnd.ms-outlook"}};
        const auto name = lower(entry.name);
        for (const auto& [stream, type] : kStreams) {
            if (name == stream)
                return type;
        }
        return {};
    }

    void look_at(const Entry& entry) {
        const auto name = lower(entry.name);
        if (name == "vba" || name == "_vba_project" || name == "_vba_project_cur")
            mark(Mark::kMacro);
        if (name == "encryptedpackage" || name ==
                                              "\x06"
                                              "dataspaces")
            mark(Mark::kEncrypted);
        if (!entry.is_stream)
            return;
        if (name == "worddocument")
            word(entry);
        else if (name == "workbook" || name == "book")
            excel(content(entry));
        else if (name == "current user")
            powerpoint_user(content(entry));
        else if (name == "powerpoint document")
            powerpoint(content(entry));
        else if (name == "\x01ole10native")
            open_package(opening_, item_, part(content(entry), 4));
        else if (name.starts_with("__substg1.0_3701"))
            open_attachment(entry);
        else if (name == "package" || is_file_of_its_own(file_.content(entry, 1024).octets))
            open_embedded(opening_, item_, "", content(entry));
    }

    // All of a stream, counted: what lies over each other costs as often as it is read.
    std::string_view content(const Entry& entry) {
        const auto room = opening_.limits().expanded_size;
        auto read = file_.content(entry, room);
        if (!read.whole)
            mark(Mark::kMalformed);
        if (!opening_.expand(item_, read.octets.size(), packed_))
            read.octets.clear();
        last_ = std::move(read.octets);
        return last_;
    }

    void word(const Entry& entry) {
        constexpr std::uint16_t kEncryptedFlag = 0x0100;  // FibBase.fEncrypted
        const auto text = content(entry);
        if ((little16(text, 10) & kEncryptedFlag) != 0)
            return mark(Mark::kEncrypted);
        if (has_external_field(text))
            mark(Mark::kExternal);
        if (!opening_.want_attachment_text())
            return;
        const std::string document(text);
        const auto& entries = file_.entries();
        const auto tables = std::find_if(entries.begin(), entries.end(), [&](const Entry& other) {
            return other.is_stream && other.parent == entry.parent && lower(other.name) == word_tables(document);
        });
        word_text(document, tables != entries.end() ? content(*tables) : std::string_view(), in_time_, text_);
        text_.end_line();
    }

    void excel(std::string_view records) {
        read_excel_records(opening_.item(item_), records);
        if (opening_.want_attachment_text())
            excel_text(records, in_time_, text_);
    }

    // What the streams of an encrypted document say is no text.
    void give_text() {
        if (!opening_.item(item_).is(Mark::kEncrypted))
            text_.give(opening_, item_);
    }

    void powerpoint_user(std::string_view record) {
        constexpr std::uint32_t kEncryptedToken = 0xF3D1C4DF;
        if (little32(record, 12) == kEncryptedToken)
            mark(Mark::kEncrypted);
    }

    // Records, in containers and outside: version and instance, type, length. What is inside a container follows it.
    void powerpoint(std::string_view stream) {
        constexpr std::uint16_t kObject = 0x1011;
        constexpr std::uint16_t kCryptSession = 0x2F14;
        const std::string records(stream);  // `stream` is gone when an object's streams are read
        for (std::uint64_t at = 0; at + 8 <= records.size() && opening_.in_time(item_);) {
            const auto version = little16(records, at);
            const auto type = little16(records, at + 2);
            const auto length = little32(records, at + 4);
            at += 8;
            if (type == kCryptSession)
                mark(Mark::kEncrypted);
            if (type == kObject)
                powerpoint_object(part(records, at, length), version >> 4 == 1);
            if (opening_.want_attachment_text())
                powerpoint_text(type, part(records, at, length), text_);
            if ((version & 0xF) != 0xF)
                at += length;
        }
    }

    // A compound file: an object, or the presentation's macros.
    void powerpoint_object(std::string_view octets, bool compressed) {
        if (!compressed) {
            open_embedded(opening_, item_, "", octets);
            return;
        }
        Buffer buffer;
        const auto result = inflate(part(octets, 4), Wrapping::kZlib, [&](std::string_view block) {
            return opening_.expand(item_, block.size(), packed_) && opening_.in_time(item_) && buffer.append(block);
        });
        if (result == Inflated::kStopped)
            mark(Mark::kUnopened);
        else if (buffer.size() < little32(octets, 0))  // PowerPoint itself leaves the end of such data away
            mark(Mark::kMalformed);
        open_embedded(opening_, item_, "", buffer.view());
    }

    // An attachment of a message of Outlook; its names lie beside it.
    void open_attachment(const Entry& entry) {
        std::string name;
        for (const auto& other : file_.entries()) {
            if (other.parent != entry.parent || !other.is_stream)
                continue;
            const auto id = lower(other.name);
            const bool long_name = id.starts_with("__substg1.0_3707");
            if (!long_name && (!id.starts_with("__substg1.0_3704") || !name.empty()))
                continue;
            const auto octets = file_.content(other, 2 * policy::kMaxName).octets;
            name = id.ends_with("001f") ? from_utf16(octets) : octets;
        }
        open_embedded(opening_, item_, name, content(entry));
    }

    void mark(Mark mark) { opening_.item(item_).set(mark); }

    Opening& opening_;
    std::size_t item_;
    const CompoundFile& file_;
    std::uint64_t packed_;
    std::string last_;
    InTime in_time_ = [this] { return opening_.in_time(item_); };
    CollectedText text_;
};

}  // namespace

void open_excel_records(Opening& opening, std::size_t item, std::string_view records) {
    read_excel_records(opening.item(item), records);
    CollectedText text;
    if (opening.want_attachment_text())
        excel_text(
            records, [&] { return opening.in_time(item); }, text);
    text.give(opening, item);
}

void open_compound(Opening& opening, std::size_t item, std::string_view octets) {
    const auto file = CompoundFile::read(octets);
    if (!file) {
        opening.item(item).set(Mark::kMalformed);
        opening.item(item).set(Mark::kUnopened);
        return;
    }
    Document(opening, item, *file, octets.size()).open();
}

}  // namespace scanners::attachment
