// The log line of each message, in Sendmail's field style, so that an administrator's eyes and scripts know it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace session {

// What became of some recipients.
struct RecipientRecord {
    std::vector<std::string> recipients;  // without angle brackets
    std::chrono::nanoseconds xdelay{0};   // of the hand-over to the delivery server
    std::string mailer;                   // "smtp", "quarantine", "discard", "reject", "defer", "none"
    std::string downstream;               // "127.0.0.1:19000"; empty when it was not asked
    std::string outbound_id;              // queue id that the delivery server gave
    std::string dsn;                      // enhanced status code
    std::string verdict;
    std::string rule = {};  // of the policy, that decided; empty: none did
    std::string stat;       // "Sent (…)", "Deferred: …", as Sendmail words it
};

struct MessageRecord {
    std::string id;
    std::string inbound_id;  // queue id of the inbound Sendmail; empty: unknown
    std::string message_id;
    std::string relay;          // upstream: "name [address]"
    std::string client;         // address of the real client; empty: unknown
    std::string_view protocol;  // as protocol_name() has it
    std::string tls;            // of the upstream's connection: "version/cipher"; empty: in the clear
    std::size_t size = 0;
    std::string reverse_path;
    std::size_t recipients = 0;         // in all
    std::chrono::nanoseconds delay{0};  // since MAIL
    unsigned configuration = 0;         // generations that made the verdict; 0: none did
    unsigned signatures = 0;
    std::vector<RecipientRecord> outcomes;
};

// One line, or several: for each outcome one, and more when its recipients do not fit. All have the id, the first has
// from= and what else belongs to the whole message.
std::vector<std::string> message_log_lines(const MessageRecord& record);

// The queue id in a delivery server's final text (without code): "6AM4NqNc004002 Message accepted for delivery", "Ok:
// queued as 4B3F2", "OK id=1abc-000"; empty when there is none.
std::string outbound_id(std::string_view text);

}  // namespace session
