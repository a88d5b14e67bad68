// What is kept for `sandwichctl why`: texts about mails, each with the mail's names. What is written together is one
// record:
//
//   0-3    f5 "Why"
//   4      version (2)
//   5      zero
//   6-7    how many texts
//   8-11   octets behind the head
//   12-15  octets of the texts
//   16-19  octets of the list
//   20-23  CRC-32 over everything else
//   24-    the list, then the texts one after the other, compressed together (RFC 1950)
//
// The list has for each text
//
//   0-3    seconds since the epoch
//   4-7    octets of the text
//   8-21   id of our message
//   22     octets of the upstream's queue id
//   23     octets of the Message-ID
//   24-    queue id, Message-ID
//
// Texts about mails are much alike: together they take a fifth of the space, and a tenth of the time, that each would
// take by itself. Numbers have the least octet first. A record that is not whole (a crash of the machine, a full disk)
// fails its check; the next one is found by its first octets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "explain/case.hpp"

namespace explain {

inline constexpr std::size_t kRecordHead = 24;              // octets
inline constexpr std::size_t kListHead = 24;                // octets
inline constexpr std::size_t kMaxInboundId = 64;            // octets; see mail::Received
inline constexpr std::size_t kMaxMessageId = 200;           // octets; see mail::HeaderFacts
inline constexpr std::size_t kMaxRecordText = 64UL * 1024;  // octets; what is longer is cut
// Octets of text, and texts, after which a record is closed.
inline constexpr std::size_t kEnoughText = 64UL * 1024;
inline constexpr std::size_t kMostTexts = 500;
// zlib adds little to what it cannot press.
inline constexpr std::size_t kMaxRecord =
    kRecordHead + kMostTexts * (kListHead + kMaxInboundId + kMaxMessageId) + kEnoughText + kMaxRecordText + 2UL * 1024;

// Makes records. It keeps what zlib needs for that, since to get and clear a quarter of a megabyte for each record
// costs more than all the rest.
class Encoder {
  public:
    Encoder();  // Throws std::bad_alloc.
    ~Encoder();
    Encoder(const Encoder&) = delete;
    Encoder& operator=(const Encoder&) = delete;

    // Precondition: not full. Names beyond their bounds are cut.
    void add(const Names& names, std::uint32_t time, std::string_view text);
    [[nodiscard]] bool empty() const { return count_ == 0; }
    [[nodiscard]] bool full() const { return count_ >= kMostTexts || texts_.size() >= kEnoughText; }
    // The record of what was added; then a new one begins. Nothing added: no octets.
    std::string take();

  private:
    void pack(std::string& record);
    struct Stream;
    std::unique_ptr<Stream> stream_;
    std::size_t count_ = 0;
    std::string list_;
    std::string texts_;
};

inline std::string encode(const Names& names, std::uint32_t time, std::string_view text) {
    Encoder encoder;
    encoder.add(names, time, text);
    return encoder.take();
}

// One text of a record, somewhere in a file. Borrows.
struct Text {
    std::string_view id;
    std::string_view inbound_id;
    std::string_view message_id;
    std::uint32_t time = 0;  // seconds since the epoch
    std::size_t begin = 0;   // among all texts of the record
    std::size_t size = 0;
    std::size_t texts_size = 0;  // of all
    std::string_view packed;

    [[nodiscard]] bool is_of(std::string_view name) const;
    // Empty: it does not become what the head says.
    [[nodiscard]] std::optional<std::string> text() const;
};

// Walks the texts of the whole records of a file, past what is none.
class RecordReader {
  public:
    explicit RecordReader(std::string_view octets) : rest_(octets) {}
    std::optional<Text> next();

  private:
    bool next_record();
    std::optional<Text> next_of_list();

    std::string_view rest_;
    // Of the record at hand.
    std::string_view list_;
    std::string_view packed_;
    std::size_t texts_size_ = 0;
    std::size_t begin_ = 0;
};

}  // namespace explain
