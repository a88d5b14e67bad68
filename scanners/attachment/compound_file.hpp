// OLE compound files ([MS-CFB]): a file system in a file, in which Office kept its documents until 2007 and still keeps
// macros, objects and encrypted documents, Outlook its messages and Windows its installers.
//
// Only the format: what the streams mean is compound_document.hpp's. Hostile input: every chain is at most as long as
// the file has sectors, every number is checked where it is used.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace scanners::attachment {

class CompoundFile {
  public:
    struct Entry {
        std::string name;     // UTF-8, as it is: names may begin with a control character
        std::string storage;  // the name of the storage around it; empty: the root, or none that leads to it
        std::uint32_t parent = 0;
        bool is_stream = false;
        std::uint32_t start = 0;
        std::uint64_t size = 0;
    };

    // Borrows `octets`. Nothing: not a compound file, or broken so that nothing in it can be found.
    static std::optional<CompoundFile> read(std::string_view octets);

    // The first is the root.
    [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
    [[nodiscard]] std::string_view root_class() const { return root_class_; }  // 16 octets
    // Something in its tables is wrong or missing: there may be more in it than is seen.
    [[nodiscard]] bool damaged() const { return damaged_; }

    struct Content {
        std::string octets;
        bool whole = true;  // all that the entry declares was there
    };
    // At most `most` octets from the beginning of a stream.
    [[nodiscard]] Content content(const Entry& entry, std::uint64_t most) const;

  private:
    explicit CompoundFile(std::string_view octets) : octets_(octets) {}
    bool read_header();
    void read_table();
    void read_directory();
    void find_parents();
    [[nodiscard]] std::string_view sector(std::uint32_t number) const;
    [[nodiscard]] std::string chain(std::uint32_t start, std::uint64_t most) const;
    [[nodiscard]] std::string small_chain(std::uint32_t start, std::uint64_t most) const;

    std::string_view octets_;
    std::uint32_t sector_size_ = 512;
    std::vector<std::uint32_t> table_;  // FAT
    std::string small_table_;           // mini FAT, as it is
    std::string small_;                 // the mini stream
    std::vector<Entry> entries_;
    struct Links {
        std::uint32_t left, right, child;
    };
    std::vector<Links> links_;
    std::string root_class_;
    bool damaged_ = false;
};

}  // namespace scanners::attachment
