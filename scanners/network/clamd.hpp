// clamd's protocol (clamd(8)): VERSION, and INSTREAM for a message. Each has a connection of its own: sessions
// (IDSESSION) are not spoken by everything that is called clamd.
#pragma once

#include <memory>

#include "mail/message.hpp"
#include "scanners/network/conversation.hpp"

namespace scanners::network {

inline constexpr std::size_t kMaxClamdReply = 1024;  // octets; names have a few dozen

// Asks for the version. Whatever it says within the bound is one: the text is shown, and its date believed.
std::unique_ptr<Conversation> clamd_version();
// Streams the message.
std::unique_ptr<Conversation> clamd_scan(mail::MessagePtr message);

// The date of its signatures in what it says to VERSION, "ClamAV 1.4.3/27800/Sat Nov 22 09:12:33 2026", taken for one
// of this machine's time zone: it has none. Nothing: it has no such date.
std::optional<base::Wall::time_point> clamd_signature_date(std::string_view version);

// What "stream: OK" and the like mean; the text is without its end mark.
Answer interpret_clamd(std::string_view reply);

}  // namespace scanners::network
