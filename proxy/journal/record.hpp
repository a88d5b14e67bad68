// One record of the journal: 64 octets, of fixed form, with a check of its own.
//
//   0      kind
//   1      version (1)
//   2-3    zero
//   4-7    process that wrote it
//   8-11   seconds since the epoch
//   12-43  key
//   44-57  id of our message
//   58-59  zero
//   60-63  the first octets of SHA-256 over what stands before
//
// Numbers have the least octet first. A record that is not whole (a crash of the machine, a full disk) fails its check
// and is passed over.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "journal/key.hpp"

namespace journal {

enum class Kind : std::uint8_t {
    kIntent = 'I',       // it will be sent or held: what becomes of it is not known until another record says so
    kDelivered = 'D',    // the delivery server took it
    kQuarantined = 'Q',  // it is held, durable
    kDiscarded = 'X',    // thrown away, as configured
    kWithdrawn = 'W',    // the intent came to nothing: certainly not delivered
    kCrash = 'C',        // a scanner worker died of it; `key` is the mail's
    kStart = 'S',        // of no mail: another process begins, and may know what is not in the file yet
};

// "delivered", "quarantined" and so on, for log and replies.
std::string_view to_string(Kind kind);

struct Record {
    Kind kind = Kind::kIntent;
    std::uint32_t process = 0;
    std::uint32_t time = 0;  // seconds since the epoch
    Key key{};
    std::string id;  // base::is_message_id
};

inline constexpr std::size_t kRecordSize = 64;  // octets

std::array<char, kRecordSize> encode(const Record& record);
// Empty: not a record of this version, or damaged. `octets` has kRecordSize.
std::optional<Record> decode(std::string_view octets);

}  // namespace journal
