#include "session/route_report.hpp"

#include <fmt/format.h>

#include <iterator>
#include <unordered_map>
#include <vector>

namespace session {
namespace {

constexpr std::size_t kShownDomains = 8;

void add_set(std::string& text, const std::string& heading, const RouteSetPtr& set, Names& names,
             DownstreamHealth& health) {
    fmt::format_to(std::back_inserter(text), "{}{}\n", text.empty() ? "" : "\n", heading);
    const auto found = names.describe(*set);
    const auto servers = names.known(*set);
    for (std::size_t i = 0; i < set->routes.size(); ++i) {
        const auto& route = set->routes[i];
        fmt::format_to(std::back_inserter(text), "  {}{}{}\n", route.to_string(), found[i].empty() ? "" : ": ",
                       found[i]);
        for (const auto& server : servers)
            if (server.route == route.host_text())
                fmt::format_to(std::back_inserter(text), "    {}\n", health.describe_in_full(server));
    }
}

std::string heading_of(const std::vector<std::string_view>& domains) {
    std::string text;
    for (std::size_t i = 0; i < domains.size() && i < kShownDomains; ++i)
        text += (text.empty() ? "" : ", ") + std::string(domains[i]);
    if (domains.size() > kShownDomains)
        text += fmt::format(" and {} more", domains.size() - kShownDomains);
    return text;
}

}  // namespace

std::string report_routes(const RouteTable& routes, Names& names, DownstreamHealth& health, std::string_view domain) {
    std::string text;
    if (!domain.empty()) {
        const auto at = config::DomainIndex::domain_of(domain);
        const auto& section = routes.domains().find(at.empty() ? domain : at);
        add_set(text, section.name, routes.of(section), names, health);
        return text;
    }
    std::unordered_map<const RouteSet*, std::vector<std::string_view>> domains;
    for (const auto& one : routes.domains().all())
        domains[routes.of(one).get()].push_back(one.name);
    for (const auto& set : routes.all())
        add_set(text, heading_of(domains[set.get()]), set, names, health);
    return text;
}

}  // namespace session
