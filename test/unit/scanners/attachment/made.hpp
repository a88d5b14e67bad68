// Archives as other programs make them, and what open() says of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/contents.hpp"
#include "scanners/opening.hpp"

namespace made {

struct File {
    std::string name;
    std::string octets;
};
using Files = std::vector<File>;

// By libarchive's writer. `format`: "zip", "7zip", "pax", "cpio", "ar", "iso9660", "raw"; `filter`: "gzip", "xz" ... or
// none; `options` as archive_write_set_options(3) takes them.
std::string archive(const char* format, const Files& files, const char* filter = "", const char* options = "",
                    const char* password = "");

// One member of a zip file in all detail, deflated or stored.
struct ZipPart {
    std::string name;
    std::string octets;        // as they lie in the file
    std::string local_name{};  // empty: the same
    std::uint16_t method = 0;
    std::uint16_t flags = 0;
    bool in_directory = true;
    std::uint32_t declared = 0;  // size unpacked; 0: the true one of what is stored
    int at_part = -1;            // >= 0: the directory points to that part's data
};
std::string zip(const std::vector<ZipPart>& parts);
std::string deflated(std::string_view octets);
std::string zlib(std::string_view octets);

// A program for Windows, as far as anybody can tell who only looks.
std::string program();

// A compound file (OLE) with these streams; storages are parts of their names ("Macros/VBA/dir"). Streams are filled up
// with zeros to 4096 octets.
std::string compound(const Files& streams);

// A PDF with these objects and no table of them.
std::string pdf(const std::vector<std::string>& objects);
std::string pdf_stream(std::string_view dictionary, std::string_view data);

std::string little(std::uint64_t value, int octets);
std::string utf16(std::u16string_view text);  // least significant octet first

// A document of Word 97 whose text is in these pieces: octets of Windows-1252, or UTF-16.
struct WordPiece {
    std::string octets;
    bool wide = false;
};
std::string word97(const std::vector<WordPiece>& pieces, bool encrypted = false);

// A record of Excel, the beginning of a workbook of version 8 (Excel 97) or 5; a record of PowerPoint.
std::string excel_record(unsigned type, const std::string& data);
std::string excel_begin(bool version8 = true);
std::string powerpoint_record(unsigned type, const std::string& data);

// open() over a file of this name, under `limits`.
struct Look {
    policy::Contents contents;

    // The item at this way ("a.zip/b.exe"), by first names; nullptr: none.
    [[nodiscard]] const policy::Item* find(std::string_view way) const;
    [[nodiscard]] const policy::Item& top() const { return contents.items.front(); }
    // "executable" of the item there; "(none)".
    [[nodiscard]] std::string type(std::string_view way) const;
    // Marks of the item there, in words, without kEmbedded's and kAttachment's noise: "encrypted unopened".
    [[nodiscard]] std::string marks(std::string_view way) const;
    // Names of the limits that were reached.
    [[nodiscard]] std::string reached() const;
};
// `every_type`: as for a policy that asks for them.
Look look(std::string_view octets, std::string name = "file", const policy::ContentLimits& limits = {},
          bool every_type = true);

// What expressions see of this file, one text after the other; what `texts` leaves out is not there.
std::string text_of(std::string_view octets, scanners::Texts texts = scanners::Texts::kAll,
                    const policy::ContentLimits& limits = {});

// open() as the item 0 of `opening`.
void open(scanners::Opening& opening, std::string_view octets);

std::string marks_of(const policy::Item& item);

}  // namespace made
