// What can be known of a mail in a store, for judging it again: the text as it came to us, and its envelope.
//
// A store has no envelope. What delivery agents write of it (Return-Path, Delivered-To ...) stands in its place, else
// the header's addresses. A mail that went through us has our Received field: what stands above was put there later,
// and is taken off.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mail/envelope.hpp"

namespace inspect {

inline constexpr std::size_t kMaxGuessed = 50;  // recipients
inline constexpr std::size_t kMaxPath = 320;    // octets of an address

struct StoredFacts {
    mail::Envelope envelope;  // recipients: at least one
    std::string client;       // address of the host that the mail came from into this site; empty: unknown
    std::size_t begin = 0;    // offset in the text of what came to us
};

// `mail`: CRLF line ends. `mbox_sender`: of the line before it in an mbox; empty: none. `proxy`: our name in Received
// fields.
StoredFacts read_stored(std::string_view mail, std::string_view mbox_sender, std::string_view proxy);

// The addresses of a From, To or Cc field, without names and comments; what is none is left out.
std::vector<std::string> addresses_in(std::string_view value);

}  // namespace inspect
