#include "session/routes.hpp"

#include <algorithm>
#include <utility>

namespace session {
namespace {

constexpr std::uint64_t kRouteShares = 1000;  // of a route's weight, to be divided among its addresses

std::string text_of_all(const std::vector<config::Route>& routes) {
    std::string key;
    for (const auto& route : routes)
        key += route.to_string() + '\n';
    return key;
}

std::shared_ptr<RouteSet> make_set(std::vector<config::Route> routes, const config::Settings& settings) {
    auto set = std::make_shared<RouteSet>();
    set->routes = std::move(routes);
    for (auto& route : set->routes)
        route.tls = route.tls.value_or(settings.tls.downstream);
    set->address_name = settings.tls.downstream_name;
    if (std::ranges::all_of(set->routes, [](const auto& route) { return route.kind == config::HostKind::kAddress; }))
        set->fixed =
            std::make_shared<const Servers>(arrange(*set, std::vector<std::vector<Target>>(set->routes.size())));
    return set;
}

// [smtp] downstream_smtp_server_addr: the first one that answers.
std::vector<config::Route> usual_routes(const config::Settings& settings) {
    std::vector<config::Route> routes;
    for (const auto& server : settings.downstream)
        routes.push_back(
            {static_cast<unsigned>(routes.size()), 1, config::HostKind::kAddress, server.address, {}, server.port, {}});
    return routes;
}

}  // namespace

Servers arrange(const RouteSet& set, const std::vector<std::vector<Target>>& targets) {
    Servers servers;
    for (std::size_t i = 0; i < set.routes.size(); ++i) {
        const auto& route = set.routes[i];
        const auto tls = route.tls.value_or(config::DownstreamTls::kNone);
        const auto add = [&](const net::Endpoint& endpoint, const std::string& name, unsigned preference,
                             std::uint64_t weight) {
            Server server{endpoint,
                          tls,
                          name,
                          (route.priority << 16) + std::min(preference, 65535U),
                          std::max<std::uint64_t>(1, route.weight * weight),
                          route.host_text()};
            if (std::ranges::none_of(servers, [&](const Server& known) { return known.same_as(server); }))
                servers.push_back(std::move(server));
        };
        if (route.kind == config::HostKind::kAddress)
            add({route.address, route.port}, set.address_name, 0, kRouteShares);
        else
            for (const auto& target : targets[i])
                add(target.endpoint, target.name, target.preference, target.weight);
    }
    std::ranges::stable_sort(servers, {}, &Server::priority);
    if (servers.size() > kMaxServers)
        servers.resize(kMaxServers);
    return servers;
}

RouteTable::RouteTable() : RouteTable({}, {}) {}

RouteTable::RouteTable(const config::Settings& settings, config::DomainIndex domains) : domains_(std::move(domains)) {
    std::unordered_map<std::string, std::shared_ptr<RouteSet>> sets;
    const auto set_of = [&](const std::vector<config::Route>& routes, const std::string& domain) {
        auto& set = sets[text_of_all(routes)];
        if (!set) {
            set = make_set(routes, settings);
            set->example = domain;
            all_.push_back(set);
        }
        return set;
    };
    const auto& rest = domains_.fallback();
    auto usual = set_of(rest.routes.empty() ? usual_routes(settings) : rest.routes, rest.name);
    fallback_ = usual;
    for (const auto& domain : domains_.all()) {
        const auto set = domain.routes.empty() ? usual : set_of(domain.routes, domain.name);
        ++set->domains;
        if (!domain.routes.empty())
            of_domain_.emplace(&domain, set);
    }
}

const RouteSetPtr& RouteTable::of(const config::Domain& domain) const {
    const auto found = of_domain_.find(&domain);
    return found == of_domain_.end() ? fallback_ : found->second;
}

const RouteSetPtr& RouteTable::find(std::string_view forward_path) const {
    return of_domain_.empty() ? fallback_ : of(domains_.find(config::DomainIndex::domain_of(forward_path)));
}

}  // namespace session
