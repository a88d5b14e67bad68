// What `sandwichctl routes` shows: where mail for which domains goes, and how the servers there are.
#pragma once

#include <string>
#include <string_view>

#include "session/downstream_health.hpp"
#include "session/names.hpp"
#include "session/routes.hpp"

namespace session {

// Every set of routes with its domains; with `domain`, which may be an address, that domain's alone.
std::string report_routes(const RouteTable& routes, Names& names, DownstreamHealth& health, std::string_view domain);

}  // namespace session
