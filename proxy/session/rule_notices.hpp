// Notices that rules ask for (policy::Notice): sent to the delivery server from <> once it is known what became of the
// mail. Nobody waits for them: one that fails is logged, and no more.
#pragma once

#include "policy/notice_text.hpp"
#include "session/disposal.hpp"

namespace session {

class Shard;

// What texts about this mail may say; files, rule and quarantine id are the caller's to fill in.
policy::NoticeFacts notice_facts(const IncomingMail& mail, const std::vector<std::size_t>& recipients,
                                 const policy::Decision& decision);

// Once for each part of a mail. A retry sends none again (the journal knows), nor does one that will come again because
// it could not be delivered. So many an hour to each address: Notice::per_hour.
void send_notices(Shard& shard, const IncomingMail& mail, const Part& part);

}  // namespace session
