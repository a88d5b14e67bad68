#include "doctor/sendmail_pair.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace doctor {
namespace {

constexpr const char* kPair = "Sendmail's configurations";

// "FILE:LINE: error: name: fault. Cure: what to do"
std::optional<Finding> finding_of(std::string_view line) {
    for (const auto& [word, level] : {std::pair{std::string_view(": error: "), Level::kFailure},
                                      std::pair{std::string_view(": warning: "), Level::kWarning}}) {
        const auto at = line.find(word);
        const auto cure = line.rfind(". Cure: ");
        if (at == std::string_view::npos || cure == std::string_view::npos || cure < at)
            continue;
        const auto begin = at + word.size();
        return Finding{level, std::string(line.substr(0, at)), std::string(line.substr(begin, cure - begin)),
                       std::string(line.substr(cure + std::string_view(". Cure: ").size()))};
    }
    return std::nullopt;
}

std::string joined(const std::vector<net::Endpoint>& endpoints) {
    std::string text;
    for (const auto& one : endpoints)
        text += (text.empty() ? "" : ", ") + one.to_string();
    return text;
}

bool takes(const net::Endpoint& listening, const net::Endpoint& wanted) {
    return listening.port == wanted.port && (listening.address == wanted.address || listening.address.any());
}

bool takes(const CfFacts::Daemon& daemon, const net::Endpoint& wanted) {
    if (daemon.port != wanted.port)
        return false;
    auto text = std::string_view(daemon.address);
    if (text.starts_with("IPv6:"))
        text.remove_prefix(5);
    const auto address = net::Address::parse(text == "localhost" ? "127.0.0.1" : text);
    return !address || address->any() || *address == wanted.address;
}

bool is_local(const net::Address& address, const std::vector<net::Address>& local) {
    return address.loopback() || std::find(local.begin(), local.end(), address) != local.end();
}

}  // namespace

std::optional<net::Address> local_host(std::string_view host, const std::vector<net::Address>& local) {
    const auto address = net::Address::parse(host == "localhost" ? "127.0.0.1" : host);
    if (!address || !is_local(*address, local))
        return std::nullopt;
    return *address;
}

Findings judge_pair(const PairFacts& facts) {
    for (const auto& [lost, file] : {std::pair{facts.inbound_expected && !facts.inbound_there, facts.inbound_cf},
                                     std::pair{facts.delivery_expected && !facts.delivery_there, facts.delivery_cf}})
        if (lost)
            return {failure(
                kPair, file + " is missing",
                fmt::format("sandwich-cf /etc/mail/sendmail.cf --inbound {} --delivery {}; or name the files with "
                            "--inbound-cf and --delivery-cf",
                            facts.inbound_cf, facts.delivery_cf))};
    if (!facts.inbound_there || !facts.delivery_there)
        return {fine(kPair, fmt::format("{} on this machine: sandwich-cf --check can look at them only where both lie",
                                        facts.inbound_there    ? facts.inbound_cf + " alone is"
                                        : facts.delivery_there ? facts.delivery_cf + " alone is"
                                                               : std::string("none is needed")))};
    if (!facts.not_run.empty())
        return {warning(kPair, "not checked: " + facts.not_run,
                        "install sandwich-cf beside sandwichctl, and python3, which it needs")};
    Findings findings;
    std::string_view rest = facts.told;
    while (!rest.empty()) {
        const auto end = std::min(rest.find('\n'), rest.size());
        if (auto finding = finding_of(rest.substr(0, end)))
            findings.push_back(std::move(*finding));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (findings.empty() && facts.status != 0) {
        const auto first = facts.told.substr(0, facts.told.find('\n'));
        findings.push_back(failure(kPair, fmt::format("sandwich-cf cannot check them: {}", first),
                                   fmt::format("sandwich-cf --check {} {}", facts.inbound_cf, facts.delivery_cf)));
    }
    if (findings.empty())
        findings.push_back(fine(kPair, fmt::format("{} and {} are sound", facts.inbound_cf, facts.delivery_cf)));
    return findings;
}

Findings judge_way(const WayFacts& facts) {
    Findings findings;
    bool reaches_us = false;
    if (facts.inbound) {
        std::string elsewhere;
        for (const auto& hop : facts.inbound->hops)
            for (const auto& host : hop.hosts) {
                const auto address = local_host(host, facts.local);
                if (!address)
                    continue;
                const net::Endpoint wanted{*address, hop.port};
                if (std::any_of(facts.sockets.begin(), facts.sockets.end(),
                                [&](const auto& one) { return takes(one, wanted); }))
                    reaches_us = true;
                else
                    elsewhere = wanted.to_string();
            }
        if (!elsewhere.empty())
            findings.push_back(failure("way to sandwichd",
                                       fmt::format("the inbound Sendmail sends to {}, and sandwichd listens on {}",
                                                   elsewhere, joined(facts.sockets)),
                                       "make the pair anew with sandwich-cf --scanner, or correct [socket_1]"));
        else if (reaches_us)
            findings.push_back(fine("way to sandwichd", "the inbound Sendmail sends to " + joined(facts.sockets)));
    }
    if (facts.delivery) {
        std::string lost;
        bool leads = false;
        for (const auto& server : facts.downstream) {
            if (server.port == 0 || !is_local(server.address, facts.local))
                continue;
            const auto& daemons = facts.delivery->daemons;
            if (std::any_of(daemons.begin(), daemons.end(), [&](const auto& one) { return takes(one, server); }))
                leads = true;
            else
                lost = server.to_string();
        }
        if (!lost.empty() && !leads)
            findings.push_back(
                failure("way to the delivery Sendmail",
                        fmt::format("sandwichd delivers to {}, and the delivery Sendmail is not configured to listen "
                                    "there",
                                    lost),
                        "make the pair anew with sandwich-cf --delivery-listen, or correct "
                        "downstream_smtp_server_addr and downstream_smtp_server_port"));
        else if (leads)
            findings.push_back(
                fine("way to the delivery Sendmail", "sandwichd delivers to " + joined(facts.downstream)));
    }
    return findings;
}

}  // namespace doctor
