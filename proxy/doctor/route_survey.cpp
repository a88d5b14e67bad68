// Finds every server of every route, by DNS where it is named, and visits each once.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "config/load.hpp"
#include "doctor/network_checks.hpp"
#include "doctor/route_check.hpp"
#include "doctor/side_by_side.hpp"
#include "net/loop.hpp"
#include "net/resolver.hpp"

namespace doctor {
namespace {

using config::DownstreamTls;
using config::HostKind;
using config::Route;

constexpr std::size_t kShownDomains = 3;
constexpr std::size_t kMostServers = 16;  // of one route

struct Server {
    net::Endpoint endpoint;
    std::string name;  // that the certificate must have; empty: its address
};
struct Found {
    std::vector<Server> servers;
    std::string why;  // there are none
};

// Asks DNS for what one route names, on this thread.
class RouteLookup {
  public:
    RouteLookup(const config::Settings& settings, std::chrono::milliseconds patience)
        : resolver_(loop_, {settings.dns_servers.with_default(53), settings.dns_timeout}), clock_(loop_, [this] {
              found_.why = "DNS does not answer in time";
              late_ = true;
          }) {
        clock_.start(patience);
    }

    Found find(const Route& route) {
        if (route.kind == HostKind::kAddress)
            return {{{{route.address, route.port}, {}}}, {}};
        if (route.kind == HostKind::kName) {
            addresses(route.host, route.port);
        } else {
            ask([&] {
                resolver_.hosts(route.host, route.kind == HostKind::kMx ? net::DnsType::kMx : net::DnsType::kSrv,
                                [this](net::DnsHosts answer) {
                                    hosts_ = std::move(answer);
                                    --open_;
                                });
            });
            if (hosts_.records.empty()) {
                if (route.kind == HostKind::kMx && hosts_.outcome == net::DnsOutcome::kNothing)
                    addresses(route.host, route.port);
                else if (found_.why.empty())
                    found_.why = fmt::format("{}: {}", route.host, hosts_.why);
            }
            for (const auto& host : hosts_.records)
                if (!host.name.empty())
                    addresses(host.name, route.kind == HostKind::kSrv ? host.port : route.port);
        }
        if (!found_.servers.empty())
            found_.why.clear();
        else if (found_.why.empty())
            found_.why = route.host + " leads to no server";
        return std::move(found_);
    }

  private:
    void ask(const std::function<void()>& begin) {
        ++open_;
        begin();
        while (open_ > 0 && !late_)
            loop_.turn(true);
    }

    void addresses(const std::string& name, std::uint16_t port) {
        ask([&] {
            resolver_.addresses(name, [this, name, port](const net::DnsAddresses& answer) {
                --open_;
                if (answer.records.empty())
                    found_.why = fmt::format("{}: {}", name, answer.why);
                for (const auto& address : answer.records)
                    if (found_.servers.size() < kMostServers)
                        found_.servers.push_back({{address, port}, name});
            });
        });
    }

    net::Loop loop_;
    Found found_;
    net::DnsHosts hosts_;
    unsigned open_ = 0;
    bool late_ = false;
    net::Resolver resolver_;
    net::Timer clock_;
};

// Where mail goes of a domain that says nothing.
std::vector<Route> usual_routes(const config::Settings& settings) {
    std::vector<Route> routes;
    for (const auto& server : settings.downstream) {
        if (config::is_command(server))
            continue;
        Route route;
        route.priority = static_cast<unsigned>(routes.size() + 1);
        route.address = server.address;
        route.port = server.port;
        routes.push_back(route);
    }
    return routes;
}

struct Set {
    std::vector<Route> routes;
    std::vector<std::string> domains;
};

std::vector<Set> sets_of(const config::Settings& settings) {
    const config::DomainIndex index(settings.domains, settings.domain_list);
    const auto& fallback = index.fallback().routes;
    std::vector<Set> sets{{fallback.empty() ? usual_routes(settings) : fallback, {}}};
    std::map<std::string, std::size_t> places;
    const auto key_of = [](const std::vector<Route>& routes) {
        std::string key;
        for (const auto& route : routes)
            key += route.to_string() + "\n";
        return key;
    };
    places.emplace(key_of(sets.front().routes), 0);
    for (const auto& domain : index.all()) {
        std::size_t at = 0;
        if (!domain.routes.empty()) {
            const auto [place, fresh] = places.emplace(key_of(domain.routes), sets.size());
            if (fresh)
                sets.push_back({domain.routes, {}});
            at = place->second;
        }
        sets[at].domains.push_back(domain.name);
    }
    return sets;
}

std::string heading_of(const std::vector<std::string>& domains) {
    std::string text;
    for (std::size_t i = 0; i < std::min(domains.size(), kShownDomains); ++i)
        text += (i == 0 ? "" : ", ") + domains[i];
    if (domains.size() > kShownDomains)
        text += fmt::format(" and {} more", domains.size() - kShownDomains);
    return text;
}

DownstreamTls tls_of(const config::Settings& settings, const Route& route) {
    return route.tls.value_or(settings.tls.downstream);
}

SmtpWish wish_for(const Setup& setup, const Route& route, const Server& server, bool usual) {
    const auto& settings = *setup.settings;
    const auto tls = tls_of(settings, route);
    SmtpWish wish;
    wish.our_name = settings.proxy_hostname;
    wish.tls = setup.tls.client(tls);
    wish.tls_optional = tls == DownstreamTls::kOpportunistic;
    wish.peer = {server.name.empty() ? settings.tls.downstream_name : server.name, server.endpoint.address.to_string()};
    if (usual)
        wish.recipient = settings.postmaster;  // notices go there
    return wish;
}

// What is done once, however often it is wanted.
template <typename T>
struct Once {
    std::vector<T> all;
    std::map<std::string, std::size_t> places;

    void add(const std::string& key, T one) {
        if (places.emplace(key, all.size()).second)
            all.push_back(std::move(one));
    }
    const T& get(const std::string& key) const { return all[places.find(key)->second]; }
};

struct Lookup {
    Route route;
    Found found;
};

struct Visit {
    SmtpWish wish;
    net::Endpoint server;
    SmtpFacts smtp;
};

Findings check_original(const Setup& setup) {
    const auto& command = setup.settings->original_command;
    CommandFacts facts;
    facts.program = command.front();
    facts.executable = ::access(facts.program.c_str(), X_OK) == 0 && !std::filesystem::is_directory(facts.program);
    for (const auto& word : command)
        if (word.starts_with("-C") && word.size() > 2)
            facts.configuration = word.substr(2);
    facts.configuration_readable = !facts.configuration.empty() && ::access(facts.configuration.c_str(), R_OK) == 0;
    return {judge_command(facts)};
}

}  // namespace

std::size_t count_routes(const Setup& setup) {
    std::size_t count = 0;
    for (const auto& set : sets_of(*setup.settings))
        count += set.routes.size();
    return count;
}

Findings check_routes(const Setup& setup) {
    const auto& settings = *setup.settings;
    const auto sets = sets_of(settings);
    // A name that stands in many routes is looked up once, and a server is visited once for each way of meeting it.
    Once<Lookup> lookups;
    Once<Visit> visits;
    for (const auto& set : sets)
        for (const auto& route : set.routes)
            lookups.add(route.host_text(), {route, {}});
    side_by_side(lookups.all.size(), [&](std::size_t i) {
        auto& lookup = lookups.all[i];
        lookup.found = RouteLookup(settings, setup.request.patience).find(lookup.route);
    });
    const auto key_of = [&](const Route& route, const Server& server, bool usual) {
        return fmt::format("{} {} {} {}", server.endpoint.to_string(), server.name,
                           config::to_string(tls_of(settings, route)), usual);
    };
    for (const auto& set : sets)
        for (const auto& route : set.routes)
            for (const auto& server : lookups.get(route.host_text()).found.servers) {
                const bool usual = &set == &sets.front();
                visits.add(key_of(route, server, usual), {wish_for(setup, route, server, usual), server.endpoint, {}});
            }
    side_by_side(visits.all.size(), [&](std::size_t i) {
        auto& visit = visits.all[i];
        visit.smtp = ask_smtp(visit.server, visit.wish, setup.deadline());
    });
    std::vector<RouteSetFacts> facts;
    for (const auto& set : sets) {
        facts.push_back({heading_of(set.domains), {}});
        for (const auto& route : set.routes) {
            const auto& found = lookups.get(route.host_text()).found;
            facts.back().routes.push_back({route.to_string(), tls_of(settings, route), found.why, {}});
            for (const auto& server : found.servers)
                facts.back().routes.back().servers.push_back(
                    {server.endpoint.to_string(), visits.get(key_of(route, server, &set == &sets.front())).smtp});
        }
    }
    auto findings = setup.by_command() ? check_original(setup) : Findings{};
    append(findings, judge_routes(facts));
    return findings;
}

}  // namespace doctor
