#include "session/incoming_mail.hpp"

#include <utility>

#include "mail/text.hpp"

namespace session {

journal::Origin IncomingMail::origin(const mail::HeaderFacts& seen) const {
    const auto& received = seen.received;
    if (received.by.empty() || received.id.empty() || !mail::equal_ignoring_case(received.by, upstream.name))
        return {envelope.reverse_path, "", ""};
    return {envelope.reverse_path, received.by, received.id};
}

// What the field says of an unknown host is a part of the mail like any other.
std::size_t IncomingMail::keyed_below(const mail::HeaderFacts& seen) const {
    return origin(seen).identified() ? seen.below_received : 0;
}

std::string IncomingMail::client_address() const {
    const auto address =
        net::Address::parse(upstream.client.addr.empty() ? facts.received.client : upstream.client.addr);
    return address ? address->to_string() : std::string();
}

quarantine::Entry IncomingMail::quarantine_entry(std::string entry_id, const std::vector<std::size_t>& recipients,
                                                 const policy::Decision& decision) const {
    quarantine::Entry entry;
    entry.id = std::move(entry_id);
    entry.inbound_id = facts.received.id;
    entry.message_id = facts.message_id;
    entry.client = client_address();
    if (entry.client.empty())
        entry.client = upstream.address.address.to_string();
    entry.verdict = decision.verdict;
    entry.rule = decision.rule;
    entry.area = decision.area;
    entry.time = begun;
    entry.envelope = envelope_for(recipients);
    return entry;
}

policy::Facts IncomingMail::policy_facts() const {
    policy::Facts seen{report, envelope};
    seen.size = message->size();
    if (const auto address = net::Address::parse(client_address()))
        seen.client = address->mapped();
    seen.client_name = upstream.client.name.empty() ? upstream.client.helo : upstream.client.name;
    const auto local = base::local_time(begun);
    seen.moment = policy::Moment::at(local.tm_wday, local.tm_hour, local.tm_min);
    seen.settings = settings;
    return seen;
}

smtp::ClientAttributes IncomingMail::forwarded_client() const {
    auto client = upstream.client;
    if (client.empty()) {
        client.addr = upstream.address.address.to_string();
        client.helo = upstream.name;
        client.proto = protocol_name(upstream);
    }
    if (client.ident.empty())
        client.ident = id;
    if (client.source.empty())
        client.source = "REMOTE";
    return client;
}

std::vector<journal::Key> IncomingMail::keys_of(const std::vector<std::size_t>& recipients) const {
    std::vector<journal::Key> some;
    for (const auto recipient : recipients)
        if (recipient < keys.size())
            some.push_back(keys[recipient]);
    return some;
}

mail::Envelope IncomingMail::envelope_for(const std::vector<std::size_t>& recipients) const {
    mail::Envelope some{envelope.reverse_path, envelope.parameters, {}};
    for (const auto recipient : recipients)
        some.recipients.push_back(envelope.recipients[recipient]);
    return some;
}

std::string shown_name(const Upstream& upstream) {
    constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";
    const auto& name = upstream.name;
    if (name.empty() || name.size() > 255 || name.find_first_not_of(kAllowed) != std::string::npos)
        return "unknown";
    return name;
}

std::string_view protocol_name(const Upstream& upstream) {
    const bool tls = !upstream.tls.empty();
    if (upstream.lmtp)
        return tls ? "LMTPS" : "LMTP";
    // TLS without EHLO has no name.
    return !upstream.esmtp ? "SMTP" : tls ? "ESMTPS" : "ESMTP";
}

}  // namespace session
