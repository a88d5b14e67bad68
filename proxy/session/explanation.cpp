#include "session/explanation.hpp"

#include <fmt/format.h>

#include <utility>

namespace session {
namespace {

explain::Names names_of(const IncomingMail& mail) {
    return {mail.id, mail.facts.received.id, mail.facts.message_id};
}

bool wanted(const Shared& shared) {
    return shared.explanations != nullptr && shared.explanations->enabled();
}

}  // namespace

void keep_explanation(Shared& shared, const IncomingMail& mail, const std::vector<std::size_t>& recipients,
                      std::string not_judged) {
    if (!wanted(shared))
        return;
    explain::Case one;
    const auto facts = mail.policy_facts();
    one.names = names_of(mail);
    one.time = mail.begun;
    one.relay = fmt::format("{} [{}]", shown_name(mail.upstream), mail.upstream.address.address.to_string());
    one.client = mail.client_address();
    one.client_address = facts.client;
    one.client_name = facts.client_name;
    one.size = facts.size;
    one.moment = facts.moment;
    one.settings = mail.settings;
    one.envelope = mail.envelope;
    one.recipients = recipients;
    // They live as long as the Runtime that they are a part of.
    one.rules = {mail.runtime, &mail.runtime->rules};
    one.configuration = mail.runtime->generation;
    one.one_reply = !mail.upstream.lmtp;
    one.report = mail.report;
    one.not_judged = std::move(not_judged);
    shared.explanations->keep(std::move(one));
}

void keep_end(Shared& shared, const IncomingMail& mail, std::vector<std::string> lines) {
    if (wanted(shared))
        shared.explanations->keep_end(names_of(mail), std::move(lines));
}

}  // namespace session
