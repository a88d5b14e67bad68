// IncomingMail: one mail as the upstream hands it in, and what is known of it: shared by what judges it, acts on it and
// logs it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "journal/key.hpp"
#include "mail/envelope.hpp"
#include "mail/headers.hpp"
#include "mail/message.hpp"
#include "net/address.hpp"
#include "quarantine/store.hpp"
#include "session/runtime.hpp"
#include "smtp/client_attributes.hpp"

namespace session {

// Who the upstream is, as far as the trace field, the log line and the journal need it.
struct Upstream {
    net::Endpoint address;
    std::string name;  // from EHLO, HELO or LHLO: whatever the client says
    bool esmtp = false;
    bool lmtp = false;                // each recipient gets an answer of its own
    std::string tls = {};             // net::Stream::tls_description(); empty: in the clear
    smtp::ClientAttributes client{};  // what it says about the real client; empty: nothing
};

struct IncomingMail {
    std::string id;
    // How late answers find the transaction again.
    std::uint64_t session = 0;
    std::uint64_t serial = 0;

    RuntimePtr runtime;  // of the whole transaction (invariant 10)
    Upstream upstream;
    base::Wall::time_point begun = base::Wall::now();
    mail::Envelope envelope;                            // recipients: those accepted
    std::vector<policy::RecipientSettings> settings{};  // theirs

    // From the end of data on.
    mail::MessagePtr message;
    mail::HeaderFacts facts;
    journal::Key journal_key{};      // of the mail as a whole
    std::vector<journal::Key> keys;  // of the recipients; empty: the journal knows nothing
    policy::ScanReport report{};     // once it was scanned
    unsigned signatures = 0;         // generation of those that judged; 0: none did
    bool identified = false;         // a retry of it can be told from another mail

    // The journal's name for where it comes from. Host and queue id count only when the upstream itself has put the
    // topmost Received field there, as the name that it greets with shows: a field from a hop before would be the same
    // in two mails, and the second would be taken for a retry.
    [[nodiscard]] journal::Origin origin() const { return origin(facts); }
    // Offset in the text from which on it is part of the journal's key, `seen` being what is known of its header.
    [[nodiscard]] std::size_t keyed_below(const mail::HeaderFacts& seen) const;
    // Where the mail came from into this site: as the upstream says, else as its Received field says. Empty: unknown.
    [[nodiscard]] std::string client_address() const;
    // What the policy's rules look at; borrows from the mail.
    [[nodiscard]] policy::Facts policy_facts() const;
    // For the quarantine, but for its area.
    [[nodiscard]] quarantine::Entry quarantine_entry(std::string entry_id, const std::vector<std::size_t>& recipients,
                                                     const policy::Decision& decision) const;
    // What a delivery server is told by XFORWARD. The mail's text is not here yet; without a word from the upstream,
    // the upstream is the client.
    [[nodiscard]] smtp::ClientAttributes forwarded_client() const;
    [[nodiscard]] std::vector<journal::Key> keys_of(const std::vector<std::size_t>& recipients) const;
    [[nodiscard]] mail::Envelope envelope_for(const std::vector<std::size_t>& recipients) const;

  private:
    [[nodiscard]] journal::Origin origin(const mail::HeaderFacts& seen) const;
};

// The name that the client gave itself, where it is fit for a header field; else "unknown".
std::string shown_name(const Upstream& upstream);
// "ESMTP", "SMTP" or "LMTP", under TLS "ESMTPS" or "LMTPS", as the Received field (RFC 3848) and the log line name it.
std::string_view protocol_name(const Upstream& upstream);

}  // namespace session
