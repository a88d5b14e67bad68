// What a zip file says of itself, read without unpacking: APPNOTE.TXT 4.3. Two places name each member, the directory
// at the end and a header before its data; programs differ in which they believe, so both count, and so do members that
// the directory does not have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace scanners::attachment {

struct ZipEntry {
    std::string_view name;        // in the directory; borrowed
    std::string_view local_name;  // before the data
    std::uint16_t flags = 0;
    std::uint16_t method = 0;
    std::uint64_t offset = 0;  // of the local header
    std::uint64_t data = 0;    // where the data begins; 0: the local header is not there
    std::uint64_t packed = 0;
    std::uint64_t size = 0;  // declared
};

struct ZipDirectory {
    bool found = false;     // there is an end record, and what it points to is a directory
    std::size_t begin = 0;  // of the zip file: another file may stand before it
    std::size_t end = 0;    // and behind it
    bool whole = false;     // every octet of the directory is an entry
    std::vector<ZipEntry> entries;
    // Ranges with local headers that the directory does not name.
    struct Range {
        std::size_t begin = 0;
        std::size_t end = 0;
    };
    std::vector<Range> hidden;
};

// At most `max_entries` of them.
ZipDirectory read_zip_directory(std::string_view octets, std::size_t max_entries);

// The data of a member that is stored as it is; empty otherwise.
std::string_view stored_data(std::string_view octets, const ZipEntry& entry);

}  // namespace scanners::attachment
