// From what became of the recipients of one mail: the final reply or replies, the log lines, the counters.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "session/disposal.hpp"

namespace session {

// SMTP: one reply for all. A temporary one when any recipient has to come again: the journal then knows those who have
// the mail. A permanent one only when nobody has it. `parts` is not empty.
smtp::Reply single_reply(const std::string& id, const std::vector<Part>& parts);

// LMTP: one for each accepted recipient, in order. Every recipient is in one part.
std::vector<smtp::Reply> replies_to_each(std::size_t recipients, const std::vector<Part>& parts);

// Once for each mail.
void count(Counters& counters, const std::vector<Part>& parts);

std::vector<std::string> log_lines(const IncomingMail& mail, const std::vector<Part>& parts, std::size_t size,
                                   std::chrono::nanoseconds delay);

}  // namespace session
