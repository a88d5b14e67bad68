// Notice: a short mail to the postmaster about something that no SMTP reply could say.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "session/incoming_mail.hpp"

namespace session {

class Shard;

// Says that the copies for these recipients were refused for good by the delivery server, after others had been
// delivered, and are held in the quarantine. Goes to the delivery server, from <>; a failure is logged, and no more.
void send_notice(Shard& shard, const IncomingMail& mail, const std::vector<std::size_t>& recipients,
                 const std::string& why);

}  // namespace session
