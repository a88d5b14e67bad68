// The packets of an edit (edit_request.hpp) between proxy and worker. As in wire.hpp: bytes only, numbers little
// endian, every octet accounted for.
//
//   proxy  -> worker   'E' serial(4) size(8) clean(1) clean_note(2+n)
//                          removals(2) { entity(2) note(2+n) } stamps(1) { at_end(1) plain(2+n) html(2+n) }
//                          with the message's descriptor
//   worker -> proxy    'D' serial(4) done(1)
//                          0: why not, printable ASCII(2+n)
//                          1: removed(4) stamped(4) edits(2) { begin(8) end(8) text(4+n) }
//
// What a worker answers is taken only if its edits keep the rules of mail::check_edits(), which the caller asks: they
// need the message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "scanners/edit_request.hpp"

namespace scanners::wire {

inline constexpr char kEditJob = 'E';
inline constexpr char kEdited = 'D';

inline constexpr std::size_t kMaxNote = scanners::kMaxNote;
inline constexpr std::size_t kMaxStampText = 16384;  // octets, of each form
inline constexpr std::size_t kMaxRemovals = 1000;    // the largest [content] limit_entities
inline constexpr std::size_t kMaxStamps = 8;
inline constexpr std::size_t kMaxEdits = 2048;
inline constexpr std::size_t kMaxEditTexts =
    96 * 1024;  // octets of all texts of one answer; what is over it is refused
inline constexpr std::size_t kMaxWhyNot = 300;

struct EditJob {
    std::uint32_t serial = 0;  // of the job; comes back in the answer
    std::uint64_t size = 0;    // octets of the message
    EditRequest request{};
};

struct Edited {
    std::uint32_t serial = 0;
    base::Result<EditAnswer> answer = EditAnswer{};
};

// Error: over a bound, or more than fits into a packet.
base::Result<std::string> encode(const EditJob& job);
// Total: an answer over a bound becomes an error.
std::string encode(const Edited& edited);

// Nothing: the packet is not exactly of this kind.
std::optional<EditJob> decode_edit_job(std::string_view packet);
std::optional<Edited> decode_edited(std::string_view packet);

}  // namespace scanners::wire
