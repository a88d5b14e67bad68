// Where a domain's mail goes: one route as it is written behind route_N=, without knowing whether anybody answers
// there.
//
// A host is an address, a name, or a name to be asked for its MX or SRV records. Nothing is looked up here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "net/address.hpp"

namespace config {

enum class DownstreamTls : std::uint8_t { kNone, kOpportunistic, kRequired, kVerified };
// "none", "opportunistic", "required", "verified"
std::string_view to_string(DownstreamTls tls);

enum class HostKind : std::uint8_t {
    kAddress,  // 192.0.2.1, [2001:db8::1]
    kName,     // mail.example.test: its A and AAAA records
    kMx,       // mx:example.test: its MX records, and if there are none, its addresses
    kSrv,      // srv:_smtp._tcp.example.test: its SRV records, which have ports, priorities and weights of their own
};

struct Route {
    unsigned priority = 0;  // the least counts first
    unsigned weight = 1;    // share among those of equal priority
    HostKind kind = HostKind::kAddress;
    net::Address address{};              // kAddress
    std::string host{};                  // of the others, in lower case
    std::uint16_t port = 0;              // 0: only with kSrv
    std::optional<DownstreamTls> tls{};  // empty: as [tls] downstream says
    bool operator==(const Route&) const = default;

    // As it is written: "10 mail1.example.test:19000 weight=3 tls=verified".
    [[nodiscard]] std::string to_string() const;
    // The part of it that names the host: "mx:example.test:25".
    [[nodiscard]] std::string host_text() const;
};

inline constexpr unsigned kMaxPriority = 65535;
inline constexpr unsigned kMaxWeight = 1000;
inline constexpr std::size_t kMaxRoutes = 16;  // of one domain
inline constexpr std::uint16_t kRoutePort = 25;

// "PRIORITY HOST[:PORT] [weight=N] [tls=WORD]". Error: what is wrong with it.
base::Result<Route> parse_route(std::string_view text);

// RFC 5321 section 4.1.2 Domain: labels of letters, digits and inner hyphens; RFC 1035 section 2.3.4: 63 octets each.
bool is_host_name(std::string_view text);
inline constexpr std::size_t kMaxHostName = 253;  // octets, RFC 1035 section 2.3.4 without the root's dot

}  // namespace config
