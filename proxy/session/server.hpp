// Server: one delivery server as routes lead to it: its address, how TLS is asked of it, its place in the order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/route.hpp"
#include "net/address.hpp"

namespace session {

struct Server {
    net::Endpoint endpoint;
    config::DownstreamTls tls = config::DownstreamTls::kNone;
    std::string name{};          // that is looked for in its certificate; empty: its address
    std::uint32_t priority = 0;  // the least counts first
    std::uint64_t weight = 1;    // share among those of equal priority; more than 0
    std::string route{};         // as it is written, for people

    [[nodiscard]] std::string to_string() const { return endpoint.to_string(); }
    // The same machine, asked in the same way: what one mail learns of it holds for the next.
    [[nodiscard]] bool same_as(const Server& other) const {
        return endpoint == other.endpoint && tls == other.tls && name == other.name;
    }
};

// In the order of their priorities.
using Servers = std::vector<Server>;
using ServersPtr = std::shared_ptr<const Servers>;

inline constexpr std::size_t kMaxServers = 32;  // of one domain, with all addresses of all names

}  // namespace session
