// What a mail server's reply says about a recipient. Pure.
//
// Only a clear word means unknown. Sendmail reports faults of the sender at RCPT (553 5.1.8, 550 5.7.1), others refuse
// the caller (550 5.7.606), and a server without VRFY says 252 or 502: none of these speaks of the mailbox. A 550
// without an enhanced code counts for VRFY alone, and only where the administrator says so: Domino's word, too, for
// some who are there.
#pragma once

#include "policy/recipient.hpp"
#include "smtp/reply.hpp"

namespace directory {

// 550, 551 or 553 with an enhanced code for "no such mailbox".
[[nodiscard]] bool says_unknown(const smtp::Reply& reply);

policy::SourceAnswer judge_rcpt(const smtp::Reply& reply);
policy::SourceAnswer judge_vrfy(const smtp::Reply& reply, bool trust_plain_550);
// A reply to something that comes before the question: greeting, EHLO, MAIL from <>.
policy::SourceAnswer judge_refusal(const smtp::Reply& reply);

}  // namespace directory
