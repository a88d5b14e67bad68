// What a mail looks like when it leaves: the trace fields on top, the changes that the rules asked for made.
#pragma once

#include <vector>

#include "mail/range_edit.hpp"
#include "mail/rope.hpp"
#include "policy/decision.hpp"
#include "session/incoming_mail.hpp"

namespace session {

// `body`: from a worker (Preparation); the changes of the header follow from the decision.
mail::Rope changed_mail(const IncomingMail& mail, const policy::Decision& decision,
                        const std::vector<mail::RangeEdit>& body);

}  // namespace session
