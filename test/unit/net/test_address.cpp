#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <string>

#include "net/address.hpp"

using net::Address;
using net::AddressList;
using net::Endpoint;

namespace {

Address address(std::string_view text) {
    auto parsed = Address::parse(text);
    REQUIRE_MESSAGE(parsed.has_value(), text);
    return *parsed;
}

AddressList list(std::string_view text) {
    auto parsed = AddressList::parse(text);
    REQUIRE_MESSAGE(parsed.has_value(), text);
    return *parsed;
}

bool contains(std::string_view networks, std::string_view one) {
    return list(networks).contains(address(one));
}

}  // namespace

TEST_CASE("addresses are read strictly and printed in one form") {
    CHECK(address("127.0.0.1").to_string() == "127.0.0.1");
    CHECK(address("255.255.255.255").to_string() == "255.255.255.255");
    CHECK(address("::1").to_string() == "::1");
    CHECK(address("[::1]") == address("::1"));
    CHECK(address("2001:DB8:0:0::7").to_string() == "2001:db8::7");
    CHECK(address("2001:0db8:0000:0000:0000:0000:0000:0007") == address("2001:db8::7"));

    using namespace std::string_literals;
    for (const auto& bad : {""s,
                            "1"s,
                            "1.2.3"s,
                            "1.2.3.4.5"s,
                            "256.1.1.1"s,
                            "1.2.3.04"s,
                            "0x7f.0.0.1"s,
                            " 127.0.0.1"s,
                            "127.0.0.1 "s,
                            "localhost"s,
                            "127.0.0.1:25"s,
                            "[127.0.0.1]"s,
                            "[::1"s,
                            "::1]"s,
                            "[]"s,
                            "[[::1]]"s,
                            "::1%lo"s,
                            "fe80::1%1"s,
                            ":::"s,
                            "1::2::3"s,
                            "12345::"s,
                            "127.0.0.1/8"s,
                            "127.0.0.1\0"s,
                            "127.0.0.1\0x"s,
                            std::string(300, ':'),
                            std::string(46, '1')})
        CHECK_MESSAGE(!Address::parse(bad).has_value(), bad);
}

TEST_CASE("an IPv4 address mapped into IPv6 is the IPv4 address") {
    CHECK(address("::ffff:10.1.2.3") == address("10.1.2.3"));
    CHECK(address("::ffff:0a01:0203") == address("10.1.2.3"));
    CHECK_FALSE(address("::ffff:10.1.2.3").v6());
    CHECK(address("::10.1.2.3").v6());
    CHECK(address("64:ff9b::10.1.2.3").v6());
    CHECK(contains("addr:10.0.0.0/8", "::ffff:10.1.2.3"));

    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(2525);
    REQUIRE(inet_pton(AF_INET6, "::ffff:192.0.2.7", &in6.sin6_addr) == 1);
    const auto endpoint = Endpoint::from_sockaddr(reinterpret_cast<const sockaddr*>(&in6));
    CHECK(endpoint.to_string() == "192.0.2.7:2525");
}

TEST_CASE("any and loopback") {
    CHECK(Address{} == address("0.0.0.0"));
    for (const auto* text : {"0.0.0.0", "::", "::ffff:0.0.0.0"})
        CHECK_MESSAGE(address(text).any(), text);
    for (const auto* text : {"127.0.0.1", "127.255.255.255", "127.0.0.0", "::1", "::ffff:127.0.0.1"}) {
        CHECK_MESSAGE(address(text).loopback(), text);
        CHECK_FALSE(address(text).any());
    }
    for (const auto* text : {"126.255.255.255", "128.0.0.0", "::2", "::", "1::1", "::1:0:0:1"})
        CHECK_FALSE_MESSAGE(address(text).loopback(), text);
}

TEST_CASE("endpoints survive the way through a sockaddr") {
    for (const auto* text : {"127.0.0.1", "192.0.2.255", "::1", "2001:db8::ffff", "0.0.0.0", "::"})
        for (const unsigned port : {0U, 1U, 25U, 18000U, 65535U}) {
            const Endpoint endpoint{address(text), static_cast<std::uint16_t>(port)};
            sockaddr_storage storage;
            const auto length = endpoint.to_sockaddr(storage);
            CHECK(length == (endpoint.address.v6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in)));
            CHECK(Endpoint::from_sockaddr(reinterpret_cast<const sockaddr*>(&storage)) == endpoint);
        }
    CHECK(Endpoint{address("::1"), 19000}.to_string() == "[::1]:19000");
    CHECK(Endpoint{address("127.0.0.1"), 19000}.to_string() == "127.0.0.1:19000");

    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    CHECK(Endpoint::from_sockaddr(reinterpret_cast<const sockaddr*>(&local)) == Endpoint{});
}

TEST_CASE("networks match by their first bits, at every boundary") {
    CHECK(contains("addr:0.0.0.0/0", "255.255.255.255"));
    CHECK_FALSE(contains("addr:0.0.0.0/0", "::1"));
    CHECK(contains("addr:::/0", "ffff::"));
    CHECK_FALSE(contains("addr:::/0", "127.0.0.1"));

    CHECK(contains("addr:128.0.0.0/1", "128.0.0.0"));
    CHECK(contains("addr:128.0.0.0/1", "255.255.255.255"));
    CHECK_FALSE(contains("addr:128.0.0.0/1", "127.255.255.255"));

    CHECK(contains("addr:10.0.0.2/31", "10.0.0.2"));
    CHECK(contains("addr:10.0.0.2/31", "10.0.0.3"));
    CHECK_FALSE(contains("addr:10.0.0.2/31", "10.0.0.1"));
    CHECK_FALSE(contains("addr:10.0.0.2/31", "10.0.0.4"));

    CHECK(contains("addr:10.0.0.2/32", "10.0.0.2"));
    CHECK_FALSE(contains("addr:10.0.0.2/32", "10.0.0.3"));
    CHECK_FALSE(contains("addr:10.0.0.2", "10.0.0.3"));

    CHECK(contains("addr:10.1.0.0/16", "10.1.255.255"));
    CHECK_FALSE(contains("addr:10.1.0.0/16", "10.2.0.0"));
    CHECK(contains("addr:172.16.0.0/12", "172.31.255.255"));
    CHECK_FALSE(contains("addr:172.16.0.0/12", "172.32.0.0"));

    CHECK(contains("addr:8000::/1", "ffff::"));
    CHECK_FALSE(contains("addr:8000::/1", "7fff:ffff::"));
    CHECK(contains("addr:2001:db8::/127", "2001:db8::1"));
    CHECK_FALSE(contains("addr:2001:db8::/127", "2001:db8::2"));
    CHECK(contains("addr:2001:db8::5/128", "2001:db8::5"));
    CHECK_FALSE(contains("addr:2001:db8::5/128", "2001:db8::4"));
}

TEST_CASE("every prefix length agrees with arithmetic") {
    for (unsigned bits = 0; bits <= 32; ++bits)
        for (unsigned flipped = 0; flipped < 32; ++flipped) {
            in_addr other{htonl(0xC0A80102U ^ (0x80000000U >> flipped))};
            char text[INET_ADDRSTRLEN] = {};
            REQUIRE(inet_ntop(AF_INET, &other, text, sizeof text) != nullptr);
            // The first difference is at bit `flipped`: within the prefix it must be seen, beyond it must not.
            CHECK(address(text).matches(address("192.168.1.2"), bits) == (flipped >= bits));
        }
    CHECK(address("1.2.3.4").matches(address("1.2.3.4"), 4000));
}

TEST_CASE("a list of networks") {
    const auto networks = list("addr:127.0.0.1, addr:10.1.0.0/16\taddr:::1,,addr:[2001:db8::]/32 ");
    CHECK(networks.contains(address("127.0.0.1")));
    CHECK(networks.contains(address("10.1.2.3")));
    CHECK(networks.contains(address("::1")));
    CHECK(networks.contains(address("2001:db8:1::")));
    CHECK_FALSE(networks.contains(address("127.0.0.2")));
    CHECK(networks.to_string() == "addr:127.0.0.1 addr:10.1.0.0/16 addr:::1 addr:2001:db8::/32");
    CHECK(list(networks.to_string()) == networks);

    CHECK_FALSE(list("").contains(address("127.0.0.1")));
    CHECK_FALSE(list("").contains(address("0.0.0.0")));
    CHECK(list(" , ,") == list(""));
    CHECK(list("addr:::ffff:10.0.0.0/104") == list("addr:10.0.0.0/8"));
    CHECK(list("addr:::ffff:10.0.0.1/128") == list("addr:10.0.0.1"));
}

TEST_CASE("a faulty item refuses the whole list and is named") {
    for (const auto* bad :
         {"127.0.0.1", "addr:", "addr: 127.0.0.1", "addr:localhost", "addr:10.1.0.0/", "addr:10.1.0.0/33",
          "addr:10.1.0.0/016", "addr:10.1.0.0/+8", "addr:10.1.0.0/-1", "addr:10.1.0.0/8x", "addr:10.1.0.0/ 16",
          "addr:10.1.0.0/4294967304", "addr:::/129", "addr:10.1.0.0/16/16", "addr:10.1.0.1;addr:10.1.0.2", "ADDR:::1",
          "addr:127.0.0.1addr:10.0.0.1"})
        CHECK_MESSAGE(!AddressList::parse(bad).has_value(), bad);

    // Bits set beyond the prefix: the writer meant something else.
    for (const auto* bad : {"addr:10.1.0.0/8", "addr:10.1.0.1/31", "addr:128.0.0.0/0", "addr:2001:db8::1/127",
                            "addr:::ffff:0:0/95", "addr:::ffff:10.0.0.1/104"})
        CHECK_MESSAGE(!AddressList::parse(bad).has_value(), bad);

    const auto refused = AddressList::parse("addr:127.0.0.1 addr:10.300.0.0/16 addr:::1");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message.find("10.300.0.0/16") != std::string::npos);
}

TEST_CASE("lists that let in everyone, or only this machine") {
    CHECK(list("addr:127.0.0.1 addr:0.0.0.0/0").admits_everyone());
    CHECK(list("addr:::/0").admits_everyone());
    CHECK_FALSE(list("addr:0.0.0.0/1").admits_everyone());
    CHECK_FALSE(list("").admits_everyone());

    CHECK(list("").loopback_only());
    CHECK(list("addr:127.0.0.1 addr:127.0.0.0/8 addr:::1").loopback_only());
    CHECK_FALSE(list("addr:127.0.0.1 addr:10.0.0.1").loopback_only());
    CHECK_FALSE(list("addr:::/127").loopback_only());
    CHECK_FALSE(list("addr:126.0.0.0/7").loopback_only());
}

TEST_CASE("the machine's own addresses hold loopback") {
    const auto own = net::local_addresses();
    CHECK(std::any_of(own.begin(), own.end(), [](const Address& a) { return a.loopback(); }));
}
