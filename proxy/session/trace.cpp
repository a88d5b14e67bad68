#include "session/trace.hpp"

#include <fmt/format.h>

#include "base/log.hpp"

namespace session {

std::string trace_fields(const IncomingMail& mail, const policy::Decision& decision) {
    std::string verdict = decision.verdict;
    if (decision.action == policy::Action::kTagAndDeliver)
        verdict = "INFECTED: " + verdict;
    else if (decision.action == policy::Action::kDeliverWithMark)
        verdict = "NOT CHECKED: " + verdict;
    const auto& upstream = mail.upstream;
    const auto& address = upstream.address.address;
    // No "for": with several recipients it would tell one of the other.
    std::string fields =
        fmt::format("Received: from {} ([{}{}])\r\n\tby {} (Sandwich) with {} id {};\r\n\t{}\r\n", shown_name(upstream),
                    address.v6() ? "IPv6:" : "", address.to_string(), mail.runtime->settings.proxy_hostname,
                    protocol_name(upstream), mail.id, base::rfc5322_date(mail.begun));
    if (mail.runtime->rules.scanning)
        fields += fmt::format("X-Sandwich-Verdict: {}\r\n", base::log::escape(verdict));
    return fields;
}

}  // namespace session
