// Routes: which delivery servers a recipient's mail may go to, by the recipient's domain.
//
// A part of Runtime: immutable, read by every loop. Domains with the same routes share one RouteSet, so that their
// recipients share one delivery. Names in routes are looked up by Names.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/settings.hpp"
#include "session/server.hpp"

namespace session {

struct RouteSet {
    std::vector<config::Route> routes;  // with every word about TLS filled in
    std::string address_name;           // that a server's certificate must have which is given by address
    ServersPtr fixed;                   // the servers, when all are given by address; else null
    std::size_t domains = 0;            // that use it
    std::string example{};              // one of them
};
using RouteSetPtr = std::shared_ptr<const RouteSet>;

class RouteTable {
  public:
    // Without a domain and a server.
    RouteTable();
    RouteTable(const config::Settings& settings, config::DomainIndex domains);

    // Never null. One or two look-ups, and one for each dot.
    [[nodiscard]] const RouteSetPtr& find(std::string_view forward_path) const;
    // Of the domains that say nothing, and of what has no recipient yet.
    [[nodiscard]] const RouteSetPtr& fallback() const { return fallback_; }
    [[nodiscard]] const RouteSetPtr& of(const config::Domain& domain) const;
    [[nodiscard]] const config::DomainIndex& domains() const { return domains_; }
    // Each once, the fallback first.
    [[nodiscard]] const std::vector<RouteSetPtr>& all() const { return all_; }

  private:
    config::DomainIndex domains_;
    RouteSetPtr fallback_;
    std::unordered_map<const config::Domain*, RouteSetPtr> of_domain_;  // of those with routes
    std::vector<RouteSetPtr> all_;
};

// One address that a name has led to.
struct Target {
    net::Endpoint endpoint;
    std::string name;
    unsigned preference = 0;   // of an MX or SRV record
    std::uint64_t weight = 1;  // of an SRV record, or its part of a name's weight
};

// The servers of these routes, in order; `targets` (one list a route, those of addresses ignored) are what their names
// have led to. At most kMaxServers.
Servers arrange(const RouteSet& set, const std::vector<std::vector<Target>>& targets);

}  // namespace session
