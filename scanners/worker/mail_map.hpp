// MailMap: the large mails that a worker is given, mapped for reading, one after the other.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace scanners {

class MailMap {
  public:
    MailMap() = default;
    MailMap(const MailMap&) = delete;
    MailMap& operator=(const MailMap&) = delete;
    ~MailMap();

    // The first `size` octets of the file, until close(). Nothing: it is not a file that has so many, or there is no
    // address space. The file must not become shorter meanwhile: a memfd is sealed, a file is unlinked and nobody has
    // it open for writing.
    std::optional<std::string_view> open(int file, std::uint64_t size);
    // What is as small as a Desk stays mapped, for the next mail comes in the same file: to touch a page of a new
    // mapping takes longer than to read what is there.
    void close();

  private:
    struct Mapped {
        dev_t device;  // nobody else has these two as long as it is mapped
        ino_t inode;
        void* begin;
        std::size_t size;
        bool stays;
    };
    void unmap();

    std::optional<Mapped> mapped_;
};

}  // namespace scanners
