// The fields that a mail gets on its way through: Received (RFC 5321 section 4.4) and the verdict.
#pragma once

#include <string>

#include "policy/decision.hpp"
#include "session/incoming_mail.hpp"

namespace session {

// In front of the mail's own header section, each with CRLF.
std::string trace_fields(const IncomingMail& mail, const policy::Decision& decision);

}  // namespace session
