#include "doctor/allow_list.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace doctor {

Findings judge_allow_list(const AllowFacts& facts) {
    constexpr const char* kAbout = "allow list";
    Findings findings;
    const bool open = std::any_of(facts.sockets.begin(), facts.sockets.end(),
                                  [](const net::Endpoint& one) { return !one.address.loopback(); });
    if (facts.allowed.admits_everyone() && open)
        findings.push_back(
            failure(kAbout,
                    "everyone is let in, from other machines too: whoever reaches the socket relays mail to the "
                    "whole world",
                    "write only your inbound servers into smtp_allow_client_ip, then reload"));
    else if (facts.allowed.admits_everyone())
        findings.push_back(warning(kAbout, "everyone is let in; only loopback keeps others away",
                                   "write smtp_allow_client_ip=addr:127.0.0.1 addr:::1, then reload"));
    bool all_inbound = true;
    for (const auto& address : facts.inbound) {
        if (facts.allowed.contains(address))
            continue;
        all_inbound = false;
        findings.push_back(
            failure(kAbout,
                    fmt::format("the inbound Sendmail, which comes from {}, is not let in: all mail waits",
                                address.to_string()),
                    fmt::format("add addr:{} to smtp_allow_client_ip, then reload", address.to_string())));
    }
    if (findings.empty() && all_inbound)
        findings.push_back(fine(kAbout, facts.allowed.to_string()));
    for (const auto& visit : facts.visits) {
        const auto place = visit.socket.to_string();
        const auto about = "greeting of " + place;
        const auto fault = fault_of(visit.smtp, place);
        const bool greeted = visit.smtp.greeting.has_value();
        if (greeted && !facts.allowed.contains(visit.from))
            findings.push_back(
                fine(about, fmt::format("it answers, and does not let this machine in ({}), as smtp_allow_client_ip "
                                        "says",
                                        visit.from.to_string())));
        else if (fault)
            findings.push_back(
                failure(about, fault->text,
                        greeted ? std::string("look into the log for client_refused, or for the limit that was reached "
                                              "(sandwichctl status: limits)")
                                : std::string("service sandwich start proxy; the log says why it ended")));
        else
            findings.push_back(
                fine(about, fmt::format("{} {}", visit.smtp.greeting->code, smtp::text_of(*visit.smtp.greeting))));
    }
    return findings;
}

}  // namespace doctor
