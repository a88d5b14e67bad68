// Case: everything that a decision about one mail was made from, so that it can be explained later, by another thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "mail/envelope.hpp"
#include "policy/decision.hpp"

namespace explain {

// The names under which people know a mail.
struct Names {
    std::string id;          // ours
    std::string inbound_id;  // the upstream's queue id; empty: unknown
    std::string message_id;  // with its brackets; empty: none
};

struct Case {
    Names names;
    base::Wall::time_point time;
    std::string relay;   // the upstream: "name [address]"
    std::string client;  // address of the host that the mail came from; empty: unknown

    // What policy::Facts borrows.
    policy::ScanReport report;
    mail::Envelope envelope;
    std::uint64_t size = 0;
    std::optional<policy::ClientAddress> client_address;
    std::string client_name;
    policy::Moment moment;
    std::vector<policy::RecipientSettings> settings;

    std::vector<std::size_t> recipients;         // of the envelope: those who were decided about, ascending
    std::shared_ptr<const policy::Rules> rules;  // that were in force; never null
    unsigned configuration = 0;                  // their generation
    bool one_reply = true;                       // see policy::divide()
    std::string not_judged;                      // why nobody looked at it; empty: somebody did
};

}  // namespace explain
