#include "session/final_reply.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "session/message_log.hpp"

namespace session {

using policy::Action;
using smtp::Reply;

namespace {

constexpr std::size_t kLongestReply = 400;  // octets of text; RFC 5321 section 4.5.3.1.5 has 512 for the line

const Part* first(const std::vector<Part>& parts, bool (Reply::*is)() const) {
    const auto found = std::find_if(parts.begin(), parts.end(), [is](const Part& part) { return (part.reply.*is)(); });
    return found == parts.end() ? nullptr : &*found;
}

// The text of a positive part's reply, without the id that every one begins with.
std::string without_id(const Reply& reply, const std::string& id) {
    auto text = smtp::text_of(reply);
    return text.starts_with(id + ' ') ? text.substr(id.size() + 1) : text;
}

std::string_view mailer_name(const Part& part) {
    if (part.asked_downstream)
        return "smtp";
    if (part.decision.rule.empty())
        return "none";  // nothing was decided
    switch (part.decision.action) {
        case Action::kQuarantine:
        case Action::kReject:
        case Action::kDiscard:
        case Action::kDefer:
            return policy::to_string(part.decision.action);
        default:
            return "none";
    }
}

// "rule executables, and others" is the rule executables.
std::string policy_rule(const policy::Decision& decision) {
    constexpr std::string_view kRule = "rule ";
    const std::string_view rule = decision.rule;
    return std::string(rule.starts_with(kRule) ? rule.substr(kRule.size(), rule.find(',') - kRule.size()) : "");
}

}  // namespace

Reply single_reply(const std::string& id, const std::vector<Part>& parts) {
    if (parts.size() == 1)
        return parts.front().reply;
    if (const auto* later = first(parts, &Reply::transient))
        return later->reply;
    const auto* refused = first(parts, &Reply::permanent);
    const auto* taken = first(parts, &Reply::positive);
    if (refused != nullptr && taken != nullptr)  // one reply cannot say both: the refused ones come again alone
        return smtp::make_reply(451, "4.3.0", fmt::format("{} refused for some recipients, try again later", id));
    if (refused != nullptr)
        return refused->reply;
    std::vector<std::string> texts;
    for (const auto& part : parts)
        if (auto text = without_id(part.reply, id); std::find(texts.begin(), texts.end(), text) == texts.end())
            texts.push_back(std::move(text));
    return smtp::make_reply(250, "2.0.0", fmt::format("{} {}", id, fmt::join(texts, "; ")).substr(0, kLongestReply));
}

std::vector<Reply> replies_to_each(std::size_t recipients, const std::vector<Part>& parts) {
    // Nobody is forgotten: whoever were in no part would be asked to come again.
    std::vector<Reply> replies(recipients, smtp::make_reply(451, "4.3.0", "try again later"));
    for (const auto& part : parts)
        for (const auto recipient : part.recipients)
            replies[recipient] = part.reply;
    return replies;
}

void count(Counters& counters, const std::vector<Part>& parts) {
    const auto has = [&parts](Action action) {
        return std::any_of(parts.begin(), parts.end(), [action](const Part& part) {
            return part.reply.positive() && part.decision.action == action;
        });
    };
    if (first(parts, &Reply::transient) != nullptr)
        ++counters.deferred;
    else if (first(parts, &Reply::permanent) != nullptr)
        ++counters.rejected;
    else if (has(Action::kQuarantine))
        ++counters.quarantined;
    else if (std::any_of(parts.begin(), parts.end(), [](const Part& part) { return part.asked_downstream; }))
        ++counters.delivered;
    else if (has(Action::kDiscard))
        ++counters.discarded;
    else
        ++counters.repeated;
}

std::vector<std::string> log_lines(const IncomingMail& mail, const std::vector<Part>& parts, std::size_t size,
                                   std::chrono::nanoseconds delay) {
    MessageRecord record;
    record.id = mail.id;
    record.inbound_id = mail.facts.received.id;
    record.message_id = mail.facts.message_id;
    record.relay = fmt::format("{} [{}]", shown_name(mail.upstream), mail.upstream.address.address.to_string());
    record.client = mail.client_address();
    record.protocol = protocol_name(mail.upstream);
    record.tls = mail.upstream.tls;
    record.size = size;
    record.reverse_path = mail.envelope.reverse_path;
    record.recipients = mail.envelope.recipients.size();
    record.delay = delay;
    record.configuration = mail.runtime->generation;
    record.signatures = mail.signatures;
    for (const auto& part : parts) {
        RecipientRecord entry;
        for (const auto recipient : part.recipients)
            entry.recipients.push_back(mail.envelope.recipients[recipient].path);
        entry.xdelay = part.duration;
        entry.mailer = mailer_name(part);
        if (part.asked_downstream)
            entry.downstream = part.server.to_string();
        entry.outbound_id = outbound_id(part.said);
        entry.dsn = smtp::enhanced_code(part.reply);
        entry.verdict = part.decision.verdict.empty() ? "none" : part.decision.verdict;
        entry.rule = policy_rule(part.decision);
        entry.stat = part.stat;
        record.outcomes.push_back(std::move(entry));
    }
    return message_log_lines(record);
}

}  // namespace session
