// A message in a file, as text of SMTP: CRLF line ends, no mbox line.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "mail/message.hpp"

namespace inspect {

// Error: unreadable, larger than `limit` octets.
base::Result<mail::MessagePtr> read_mail(const std::string& path, std::size_t limit);

// Line ends as a mail server would send them, without the line that stands before a mail in an mbox.
std::string canonical_text(std::string_view text);
// `text` as a message: in memory, or in a file without a name.
base::Result<mail::MessagePtr> make_message(std::string_view text);

}  // namespace inspect
