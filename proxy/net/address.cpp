#include "net/address.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <iterator>

namespace net {

namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kMappedBits = 96;

bool is_mapped(const std::uint8_t* v6) {
    return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), v6);
}

// How the text was written, before a mapped address becomes IPv4: a prefix length counts from there.
struct Written {
    bool v6 = false;
    std::array<std::uint8_t, 16> octets{};
};

bool read_address(std::string_view text, Written& written) {
    const bool brackets = text.size() >= 2 && text.front() == '[' && text.back() == ']';
    if (brackets)
        text = text.substr(1, text.size() - 2);
    // inet_pton wants a C string: what does not fit the longest address, or has a NUL, is none.
    char buffer[INET6_ADDRSTRLEN] = {};
    if (text.empty() || text.size() >= sizeof buffer || text.find('\0') != std::string_view::npos)
        return false;
    text.copy(buffer, text.size());
    if (inet_pton(AF_INET6, buffer, written.octets.data()) == 1) {
        written.v6 = true;
        return true;
    }
    written.octets = {};
    return !brackets && inet_pton(AF_INET, buffer, written.octets.data()) == 1;
}

bool host_bits_clear(const std::array<std::uint8_t, 16>& octets, unsigned bits) {
    for (unsigned bit = bits; bit < 128; ++bit)
        if ((octets[bit / 8] & (0x80U >> bit % 8)) != 0)
            return false;
    return true;
}

// Decimal digits only, no sign, no leading zero: "08" would be read differently elsewhere.
bool read_bits(std::string_view text, unsigned most, unsigned& bits) {
    if (text.empty() || text.size() > 3 || (text.size() > 1 && text.front() == '0'))
        return false;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), bits);
    return failure == std::errc{} && end == text.data() + text.size() && bits <= most;
}

}  // namespace

base::Result<Address> Address::parse(std::string_view text) {
    Written written;
    if (!read_address(text, written))
        return base::error("\"{}\" is not an IP address (names are not looked up)", text);
    return from_octets(written.v6, written.octets.data());
}

Address Address::from_octets(bool v6, const std::uint8_t* octets) {
    Address address;
    if (v6 && is_mapped(octets)) {
        v6 = false;
        octets += kMappedPrefix.size();
    }
    address.v6_ = v6;
    std::copy_n(octets, v6 ? 16 : 4, address.octets_.begin());
    return address;
}

Address Address::from_sockaddr(const sockaddr* address) {
    if (address->sa_family == AF_INET6) {
        sockaddr_in6 in6{};
        std::memcpy(&in6, address, sizeof in6);
        return from_octets(true, in6.sin6_addr.s6_addr);
    }
    if (address->sa_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, address, sizeof in);
        std::uint8_t octets[4];
        std::memcpy(octets, &in.sin_addr, sizeof octets);
        return from_octets(false, octets);
    }
    return {};
}

bool Address::any() const {
    return octets_ == std::array<std::uint8_t, 16>{};
}

bool Address::loopback() const {
    if (!v6_)
        return octets_[0] == 127;
    return octets_[15] == 1 && std::all_of(octets_.begin(), octets_.end() - 1, [](std::uint8_t o) { return o == 0; });
}

std::string Address::to_string() const {
    if (!v6_)  // the C library's way is slower, and each mail has some
        return fmt::format("{}.{}.{}.{}", octets_[0], octets_[1], octets_[2], octets_[3]);
    char buffer[INET6_ADDRSTRLEN] = {};
    inet_ntop(AF_INET6, octets_.data(), buffer, sizeof buffer);
    return buffer;
}

std::array<std::uint8_t, 16> Address::mapped() const {
    if (v6_)
        return octets_;
    std::array<std::uint8_t, 16> mapped{};
    mapped[10] = mapped[11] = 0xff;
    std::copy_n(octets_.begin(), 4, mapped.begin() + 12);
    return mapped;
}

bool Address::matches(const Address& network, unsigned bits) const {
    if (v6_ != network.v6_)
        return false;
    bits = std::min(bits, width());
    const auto whole = static_cast<std::ptrdiff_t>(bits / 8);
    if (!std::equal(octets_.begin(), octets_.begin() + whole, network.octets_.begin()))
        return false;
    const unsigned rest = bits % 8;
    const auto at = static_cast<std::size_t>(whole);
    return rest == 0 || (octets_[at] ^ network.octets_[at]) >> (8 - rest) == 0;
}

std::string Endpoint::to_string() const {
    if (port == 0)  // no server has it: it stands for a command that is spoken to (config/original.hpp)
        return "command";
    return address.v6() ? fmt::format("[{}]:{}", address.to_string(), port)
                        : fmt::format("{}:{}", address.to_string(), port);
}

socklen_t Endpoint::to_sockaddr(sockaddr_storage& storage) const {
    storage = {};
    if (address.v6_) {
        sockaddr_in6 in6{};
        in6.sin6_family = AF_INET6;
        in6.sin6_port = htons(port);
        std::memcpy(&in6.sin6_addr, address.octets_.data(), 16);
        std::memcpy(&storage, &in6, sizeof in6);
        return sizeof in6;
    }
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    std::memcpy(&in.sin_addr, address.octets_.data(), 4);
    std::memcpy(&storage, &in, sizeof in);
    return sizeof in;
}

Endpoint Endpoint::from_sockaddr(const sockaddr* address) {
    Endpoint endpoint{Address::from_sockaddr(address), 0};
    if (address->sa_family == AF_INET6) {
        sockaddr_in6 in6{};
        std::memcpy(&in6, address, sizeof in6);
        endpoint.port = ntohs(in6.sin6_port);
    } else if (address->sa_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, address, sizeof in);
        endpoint.port = ntohs(in.sin_port);
    }
    return endpoint;
}

base::Result<AddressList::Network> AddressList::parse_network(std::string_view text) {
    const auto slash = text.find('/');
    Written written;
    if (!read_address(text.substr(0, slash), written))
        return base::error("\"{}\" is not an IP address or network (names are not looked up)", text);
    const bool mapped = written.v6 && is_mapped(written.octets.data());
    Network network{Address::from_octets(written.v6, written.octets.data()), 0};
    network.bits = network.address.width();
    if (slash == std::string_view::npos)
        return network;
    const unsigned most = written.v6 ? 128 : 32;
    unsigned bits = 0;
    if (!read_bits(text.substr(slash + 1), most, bits))
        return base::error("\"{}\": after the / stands a number of bits from 0 to {}", text, most);
    if (!host_bits_clear(written.octets, bits))
        return base::error("\"{}\" has bits set beyond its first {}: write the network's own address", text, bits);
    // ::ffff:0:0/80 would take in more than the IPv4 addresses it seems to speak of; its host bits are set anyway.
    network.bits = mapped ? bits - kMappedBits : bits;
    return network;
}

base::Result<AddressList> AddressList::parse(std::string_view text) {
    constexpr std::string_view kSeparators = " \t,";
    constexpr std::string_view kPrefix = "addr:";
    AddressList list;
    for (auto at = text.find_first_not_of(kSeparators); at != std::string_view::npos;
         at = text.find_first_not_of(kSeparators, at)) {
        const auto end = std::min(text.find_first_of(kSeparators, at), text.size());
        const auto item = text.substr(at, end - at);
        at = end;
        if (!item.starts_with(kPrefix))
            return base::error("\"{}\" does not begin with addr:", item);
        auto network = parse_network(item.substr(kPrefix.size()));
        if (!network)
            return network.error();
        list.networks_.push_back(*network);
    }
    return list;
}

namespace {

base::Result<Endpoint> parse_server(std::string_view item) {
    const auto colon = item.rfind(':');
    const bool one_colon = colon != std::string_view::npos && item.find(':') == colon;
    const bool has_port =
        one_colon || (item.starts_with('[') && colon != std::string_view::npos && colon > 0 && item[colon - 1] == ']');
    Endpoint server;
    const auto address = Address::parse(has_port ? item.substr(0, colon) : item);
    if (!address)
        return address.error();
    server.address = *address;
    if (!has_port)
        return server;
    const auto digits = item.substr(colon + 1);
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), server.port);
    if (failure != std::errc{} || end != digits.data() + digits.size() || server.port == 0 || digits.front() == '0')
        return base::error("\"{}\": after the colon stands a port from 1 to 65535", item);
    return server;
}

}  // namespace

base::Result<ServerList> ServerList::parse(std::string_view text) {
    constexpr std::string_view kSeparators = " \t,";
    ServerList list;
    for (auto at = text.find_first_not_of(kSeparators); at != std::string_view::npos;
         at = text.find_first_not_of(kSeparators, at)) {
        const auto end = std::min(text.find_first_of(kSeparators, at), text.size());
        auto server = parse_server(text.substr(at, end - at));
        if (!server)
            return server.error();
        if (list.servers_.size() == kMax)
            return base::error("more than {} servers", kMax);
        list.servers_.push_back(*server);
        at = end;
    }
    if (list.servers_.empty())
        return base::error("must be at least one server's address");
    return list;
}

std::vector<Endpoint> ServerList::with_default(std::uint16_t default_port) const {
    auto servers = servers_;
    for (auto& server : servers)
        if (server.port == 0)
            server.port = default_port;
    return servers;
}

std::string ServerList::to_string() const {
    std::string text;
    for (const auto& server : servers_) {
        text += text.empty() ? "" : " ";
        text += server.port == 0 ? server.address.to_string() : server.to_string();
    }
    return text;
}

bool AddressList::contains(const Address& address) const {
    return std::any_of(networks_.begin(), networks_.end(),
                       [&](const Network& network) { return address.matches(network.address, network.bits); });
}

bool AddressList::admits_everyone() const {
    return std::any_of(networks_.begin(), networks_.end(), [](const Network& network) { return network.bits == 0; });
}

bool AddressList::loopback_only() const {
    return std::all_of(networks_.begin(), networks_.end(), [](const Network& network) {
        return network.address.loopback() && network.bits >= (network.address.v6() ? 128U : 8U);
    });
}

std::string AddressList::to_string() const {
    std::string text;
    for (const auto& network : networks_) {
        fmt::format_to(std::back_inserter(text), "{}addr:{}", text.empty() ? "" : " ", network.address.to_string());
        if (network.bits < network.address.width())
            fmt::format_to(std::back_inserter(text), "/{}", network.bits);
    }
    return text;
}

std::vector<Address> local_addresses() {
    std::vector<Address> addresses;
    ifaddrs* first = nullptr;
    if (getifaddrs(&first) != 0)
        return addresses;
    for (const auto* entry = first; entry != nullptr; entry = entry->ifa_next)
        if (entry->ifa_addr != nullptr &&
            (entry->ifa_addr->sa_family == AF_INET || entry->ifa_addr->sa_family == AF_INET6))
            addresses.push_back(Address::from_sockaddr(entry->ifa_addr));
    freeifaddrs(first);
    return addresses;
}

}  // namespace net
