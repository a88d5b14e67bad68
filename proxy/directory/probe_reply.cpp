#include "directory/probe_reply.hpp"

#include <fmt/format.h>

#include "smtp/text.hpp"

namespace directory {

using policy::Knowledge;
using policy::SourceAnswer;

namespace {

constexpr std::size_t kMaxDetail = 200;  // octets for people

SourceAnswer with_reply(Knowledge knowledge, const smtp::Reply& reply) {
    const auto enhanced = smtp::enhanced_code(reply);
    return {knowledge,
            fmt::format("{} {}{}{}", reply.code, enhanced, enhanced.empty() ? "" : " ", smtp::text_of(reply))
                .substr(0, kMaxDetail),
            {}};
}

// RFC 5321 section 3.5.1 and Domino say of a list or a group, which takes mail: 550, not a user.
bool says_not_there(const smtp::Reply& reply) {
    return reply.code == 550 && smtp::enhanced_code(reply).empty() &&
           smtp::upper_case(smtp::text_of(reply)).find("NOT A USER") == std::string::npos;
}

}  // namespace

// RFC 3463, RFC 7505: bad mailbox address, mailbox has moved, null MX of the recipient's domain.
bool says_unknown(const smtp::Reply& reply) {
    if (reply.code != 550 && reply.code != 551 && reply.code != 553)
        return false;
    const auto code = smtp::enhanced_code(reply);
    return code == "5.1.1" || code == "5.1.6" || code == "5.1.10";
}

SourceAnswer judge_rcpt(const smtp::Reply& reply) {
    if (reply.positive())
        return with_reply(reply.code == 252 ? Knowledge::kCannotTell : Knowledge::kKnown, reply);
    if (says_unknown(reply))
        return with_reply(Knowledge::kUnknown, reply);
    return with_reply(reply.transient() ? Knowledge::kDown : Knowledge::kCannotTell, reply);
}

SourceAnswer judge_vrfy(const smtp::Reply& reply, bool trust_plain_550) {
    if (trust_plain_550 && says_not_there(reply))
        return with_reply(Knowledge::kUnknown, reply);
    return judge_rcpt(reply);  // 250 and 251 against 252, 502 and 550: the same rule
}

SourceAnswer judge_refusal(const smtp::Reply& reply) {
    return with_reply(reply.transient() ? Knowledge::kDown : Knowledge::kCannotTell, reply);
}

}  // namespace directory
