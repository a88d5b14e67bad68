// What is kept of each mail for `sandwichctl why`: puts it together and posts it; on the mail's loop.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "session/incoming_mail.hpp"

namespace session {

// What `recipients` are decided about from, with the mail's report and under the rules of the mail's Runtime.
// `not_judged`: why nobody looked at it.
void keep_explanation(Shared& shared, const IncomingMail& mail, const std::vector<std::size_t>& recipients,
                      std::string not_judged = {});

// What became of it, as the log has it.
void keep_end(Shared& shared, const IncomingMail& mail, std::vector<std::string> lines);

}  // namespace session
