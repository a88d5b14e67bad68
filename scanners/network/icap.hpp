// ICAP (RFC 3507) as a question about a mail: OPTIONS, then RESPMOD or REQMOD with the whole message as message/rfc822.
//
// A reply that names a threat, or gives back something other than the message, means found; 204, or the message as it
// was, means clean.
#pragma once

#include <memory>

#include "config/scanner_servers.hpp"
#include "mail/message.hpp"
#include "scanners/network/conversation.hpp"
#include "scanners/network/icap_reply.hpp"

namespace scanners::network {

std::unique_ptr<Conversation> icap_options(const config::ScannerServer& server, config::IcapMethod method);
std::unique_ptr<Conversation> icap_scan(const config::ScannerServer& server, config::IcapMethod method,
                                        const ServerFacts& facts, mail::MessagePtr message);

// What a server found, by the fields with which the engines say it (X-Infection-Found, X-Virus-ID, X-Violations-Found,
// X-Blocked...). Empty: they say nothing.
std::string threat_in(const IcapHead& head);

}  // namespace scanners::network
