#include "doctor/route_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace doctor {
namespace {

constexpr std::size_t kShownOfSame = 5;

bool demands_tls(const RouteFacts& route) {
    return route.tls == config::DownstreamTls::kRequired || route.tls == config::DownstreamTls::kVerified;
}

std::optional<SmtpFault> server_fault(const RouteFacts& route, const RouteFacts::Server& server) {
    if (auto fault = fault_of(server.smtp, server.place))
        return fault;
    if (!server.smtp.tls.empty() && demands_tls(route))
        return SmtpFault{
            "TLS is demanded and cannot be had: " + server.smtp.tls,
            "set STARTTLS and its certificate right on that server, or lower tls= of the route ([tls] downstream)"};
    return std::nullopt;
}

bool has_good_server(const RouteFacts& route) {
    return std::any_of(route.servers.begin(), route.servers.end(),
                       [&](const auto& server) { return !server_fault(route, server); });
}

Finding bad(bool others, const std::string& about, const SmtpFault& fault) {
    return others ? warning(about, fault.text + "; another server takes the mail", fault.cure)
                  : failure(about, fault.text + "; mail waits in the inbound queue", fault.cure);
}

Findings judge_set(const RouteSetFacts& set) {
    Findings findings;
    const bool others = std::any_of(set.routes.begin(), set.routes.end(), has_good_server);
    for (const auto& route : set.routes) {
        const auto about = fmt::format("route {} ({})", route.route, set.domains);
        if (!route.no_server.empty())
            findings.push_back(bad(others, about, {route.no_server, cure_of({Reach::kNoName, {}}, {})}));
        for (const auto& server : route.servers) {
            if (const auto fault = server_fault(route, server)) {
                findings.push_back(bad(others, about, {server.place + ": " + fault->text, fault->cure}));
                continue;
            }
            const auto& answer = server.smtp.recipient;
            if (answer && answer->permanent()) {
                findings.push_back(
                    warning(about,
                            fmt::format("{} does not take mail for the postmaster: {} {}", server.place, answer->code,
                                        smtp::text_of(*answer)),
                            "make the delivery server know [smtp] postmaster, and let this machine relay there"));
                continue;
            }
            const auto& tls = server.smtp.tls;
            findings.push_back(
                fine(about, fmt::format("{} greets{}", server.place,
                                        tls.empty() ? "" : " (no TLS, which is not demanded: " + tls + ")")));
        }
    }
    return findings;
}

}  // namespace

Findings judge_routes(const std::vector<RouteSetFacts>& sets) {
    Findings all;
    for (const auto& set : sets)
        append(all, judge_set(set));
    // A server that many domains share is told of a few times, not a thousand times.
    std::map<std::pair<Level, std::string>, std::size_t> times;
    Findings findings;
    for (auto& finding : all)
        if (++times[{finding.level, finding.text}] <= kShownOfSame)
            findings.push_back(std::move(finding));
    for (const auto& [same, count] : times)
        if (count > kShownOfSame)
            findings.push_back({same.first, "routes", fmt::format("{} more: {}", count - kShownOfSame, same.second),
                                same.first == Level::kOk ? "" : "as above"});
    return findings;
}

Finding judge_command(const CommandFacts& facts) {
    const auto about = "delivery by " + facts.program;
    if (!facts.executable)
        return failure(about, "it is not there, or is no program", "correct [smtp] original, or install it");
    if (!facts.configuration.empty() && !facts.configuration_readable)
        return failure(about, facts.configuration + ", which it is given with -C, cannot be read",
                       "make it with sandwich-cf --isvw, or correct [smtp] original");
    return fine(about, facts.configuration.empty() ? "it is there" : "it is there, and so is " + facts.configuration);
}

}  // namespace doctor
