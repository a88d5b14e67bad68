// One record of what is kept for `sandwichctl why`: the names of a mail and a text about it.
//
//   0-3    f5 "Why"
//   4      version (1)
//   5      zero
//   6      octets of the upstream's queue id
//   7      octets of the Message-ID
//   8-11   octets behind the head
//   12-15  seconds since the epoch
//   16-19  octets of the text
//   20-33  id of our message
//   34-35  zero
//   36-39  CRC-32 over everything else
//   40-    queue id, Message-ID, the text compressed (RFC 1950)
//
// Numbers have the least octet first. A record that is not whole (a crash of the machine, a full disk) fails its check;
// the next one is found by its first octets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "explain/case.hpp"

namespace explain {

inline constexpr std::size_t kRecordHead = 40;              // octets
inline constexpr std::size_t kMaxInboundId = 64;            // octets; see mail::Received
inline constexpr std::size_t kMaxMessageId = 200;           // octets; see mail::HeaderFacts
inline constexpr std::size_t kMaxRecordText = 64UL * 1024;  // octets; what is longer is cut
inline constexpr std::size_t kMaxRecord =
    kRecordHead + 66UL * 1024;  // octets: zlib adds little to what it cannot press

// Makes records. It keeps what zlib needs for that, since to get and clear a quarter of a megabyte for each record
// costs more than all the rest.
class Encoder {
  public:
    Encoder();  // Throws std::bad_alloc.
    ~Encoder();
    Encoder(const Encoder&) = delete;
    Encoder& operator=(const Encoder&) = delete;

    // Names beyond their bounds are cut.
    std::string encode(const Names& names, std::uint32_t time, std::string_view text);

  private:
    std::string pack(std::string_view text);
    struct Stream;
    std::unique_ptr<Stream> stream_;
};

inline std::string encode(const Names& names, std::uint32_t time, std::string_view text) {
    return Encoder().encode(names, time, text);
}

// A whole record, somewhere in a file. Borrows.
struct Record {
    std::string_view id;
    std::string_view inbound_id;
    std::string_view message_id;
    std::uint32_t time = 0;  // seconds since the epoch
    std::uint32_t text_size = 0;
    std::string_view packed;

    [[nodiscard]] bool is_of(std::string_view name) const;
    // Empty: it does not become what the head says.
    [[nodiscard]] std::optional<std::string> text() const;
};

// Walks the whole records of a file, past what is none.
class RecordReader {
  public:
    explicit RecordReader(std::string_view octets) : rest_(octets) {}
    std::optional<Record> next();

  private:
    std::string_view rest_;
};

}  // namespace explain
