// A message in a file, as text of SMTP: CRLF line ends, no mbox line.
#pragma once

#include <string>

#include "base/result.hpp"
#include "mail/message.hpp"

namespace inspect {

// Error: unreadable, larger than `limit` octets.
base::Result<mail::MessagePtr> read_mail(const std::string& path, std::size_t limit);

}  // namespace inspect
