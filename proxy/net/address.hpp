// IP addresses, ports and networks: text, comparison, matching. IPv4-mapped IPv6 addresses count as IPv4.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace net {

// An IPv4 or IPv6 address without a port.
class Address {
  public:
    Address() = default;  // 0.0.0.0
    // "127.0.0.1", "::1", "[::1]". Error: anything else; no name is ever looked up.
    static base::Result<Address> parse(std::string_view text);
    // 0.0.0.0 for a family that is neither.
    static Address from_sockaddr(const sockaddr* address);

    [[nodiscard]] bool v6() const { return v6_; }
    [[nodiscard]] unsigned width() const { return v6_ ? 128 : 32; }
    [[nodiscard]] bool any() const;       // 0.0.0.0 or ::
    [[nodiscard]] bool loopback() const;  // 127.0.0.0/8 or ::1
    [[nodiscard]] std::string to_string() const;
    bool operator==(const Address&) const = default;

    // As an IPv6 address: IPv4 as ::ffff:a.b.c.d.
    [[nodiscard]] std::array<std::uint8_t, 16> mapped() const;

    // True when the first `bits` bits agree and the families are the same.
    [[nodiscard]] bool matches(const Address& network, unsigned bits) const;

  private:
    friend struct Endpoint;
    friend class AddressList;
    static Address from_octets(bool v6, const std::uint8_t* octets);
    bool v6_ = false;
    std::array<std::uint8_t, 16> octets_{};  // the first 4 for IPv4
};

struct Endpoint {
    Address address;
    std::uint16_t port = 0;

    // "127.0.0.1:19000", "[::1]:19000"
    [[nodiscard]] std::string to_string() const;
    // Fills `storage`, returns its length for bind and connect.
    socklen_t to_sockaddr(sockaddr_storage& storage) const;
    static Endpoint from_sockaddr(const sockaddr* address);
    bool operator==(const Endpoint&) const = default;
};

// smtp_allow_client_ip: "addr:127.0.0.1 addr:10.1.0.0/16 addr:::1", separated by blanks or commas.
class AddressList {
  public:
    // Error names the item. An empty text is an empty list, which matches nothing.
    static base::Result<AddressList> parse(std::string_view text);
    [[nodiscard]] bool contains(const Address& address) const;
    // A network of 0 bits is in it: every address of that family is let in.
    [[nodiscard]] bool admits_everyone() const;
    // Nothing but loopback is in it; so it is with an empty list.
    [[nodiscard]] bool loopback_only() const;
    [[nodiscard]] std::string to_string() const;
    bool operator==(const AddressList&) const = default;

  private:
    struct Network {
        Address address;
        unsigned bits = 0;
        bool operator==(const Network&) const = default;
    };
    static base::Result<Network> parse_network(std::string_view text);
    std::vector<Network> networks_;
};

// downstream_smtp_server_addr: "127.0.0.1 10.0.0.2:19001 [::1]:19000", separated by blanks or commas, in order of
// preference. An IPv6 address with a port stands in brackets.
class ServerList {
  public:
    static constexpr std::size_t kMax = 16;
    // Error names the item; an empty list is one, too.
    static base::Result<ServerList> parse(std::string_view text);
    // The servers; those without a port of their own get `default_port`.
    [[nodiscard]] std::vector<Endpoint> with_default(std::uint16_t default_port) const;
    [[nodiscard]] std::string to_string() const;
    bool operator==(const ServerList&) const = default;

  private:
    std::vector<Endpoint> servers_;  // port 0: none of its own
};

// The machine's own addresses (getifaddrs), for the check that the delivery server is not ourselves.
std::vector<Address> local_addresses();

}  // namespace net
