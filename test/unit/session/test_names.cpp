// Names without a resolver, and the replies that a resolver reads. With one: test/sandwich/routes_names.py.
#include <doctest/doctest.h>

#include <map>

#include "config/load.hpp"
#include "session/downstream_health.hpp"
#include "session/names.hpp"

using net::DnsOutcome;
using net::DnsType;

namespace {

session::RouteSetPtr set_of(std::string_view text) {
    auto settings = config::parse(text, {"mx.example.test", {}}).settings;
    REQUIRE(settings.has_value());
    const session::RouteTable routes(*settings, config::DomainIndex(settings->domains, nullptr));
    return routes.find("x@a.test");
}

// A reply to a question for example.test with these answers.
std::string reply(int count, const std::string& answers) {
    return std::string("\x12\x34\x81\x80\0\x01", 6) + '\0' + static_cast<char>(count) + std::string(4, '\0') +
           std::string("\7example\4test\0\0\x0f\0\1", 18) + answers;
}

// One MX record of the question's name: preference and a host in example.test.
std::string mx(char preference, char ttl, const std::string& label) {
    const auto length = static_cast<char>(2 + 1 + label.size() + 2);
    return std::string("\xc0\x0c\0\x0f\0\1\0\0\0", 9) + ttl + std::string(1, '\0') + length + std::string(1, '\0') +
           preference + static_cast<char>(label.size()) + label + "\xc0\x0c";
}

// An SRV record of the question's name, to port 25 of a host in example.test.
std::string srv(char priority, char weight, const std::string& label) {
    const auto length = static_cast<char>(6 + 1 + label.size() + 2);
    return std::string("\xc0\x0c\0\x21\0\1\0\0\0\x3c\0", 11) + length + '\0' + priority + '\0' + weight +
           std::string("\0\x19", 2) + static_cast<char>(label.size()) + label + "\xc0\x0c";
}

}  // namespace

TEST_CASE("a reply's MX records are read with their preferences and the shortest time") {
    const auto parsed = net::parse_dns_reply(reply(2, mx(10, 60, "mx1") + mx(5, 30, "mx2")), DnsType::kMx);
    REQUIRE(parsed.has_value());
    CHECK(parsed->outcome == DnsOutcome::kFound);
    REQUIRE(parsed->records.size() == 2);
    CHECK(parsed->records[0].name == "mx1.example.test");
    CHECK(parsed->records[0].preference == 10);
    CHECK(parsed->records[1].preference == 5);
    CHECK(parsed->keep == std::chrono::seconds(30));
    // Records of another type are passed over.
    CHECK(net::parse_dns_reply(reply(2, mx(10, 60, "mx1") + mx(5, 30, "mx2")), DnsType::kSrv)->outcome ==
          DnsOutcome::kNothing);
    CHECK(net::parse_dns_reply(reply(0, ""), DnsType::kMx)->outcome == DnsOutcome::kNothing);
}

TEST_CASE("mail is shared by the weights of SRV records, whatever addresses their hosts have") {
    const auto parsed = net::parse_dns_reply(reply(3, srv(5, 1, "a") + srv(5, 3, "b") + srv(5, 0, "c")), DnsType::kSrv);
    REQUIRE(parsed.has_value());
    REQUIRE(parsed->records.size() == 3);
    const auto set = set_of("[domain a.test]\nroute_1=1 srv:_smtp._tcp.example.test\n");
    std::vector<session::Target> targets;
    for (const auto& [record, addresses] :
         {std::pair(parsed->records[0], std::vector{*net::Address::parse("192.0.2.1")}),
          std::pair(parsed->records[1],
                    std::vector{*net::Address::parse("192.0.2.2"), *net::Address::parse("192.0.2.3")}),
          std::pair(parsed->records[2], std::vector{*net::Address::parse("192.0.2.4")})})
        for (auto& target : session::share_weight(record, addresses))
            targets.push_back(std::move(target));
    const auto servers = session::arrange(*set, {targets});
    REQUIRE(servers.size() == 4);
    session::DownstreamHealth health;
    std::map<std::string, unsigned> count;
    for (std::uint64_t draw = 0; draw < 4001; ++draw)  // as many as there are shares
        ++count[servers[*health.choose(servers, 0, draw, {}).server].to_string()];
    CHECK(count == std::map<std::string, unsigned>{
                       {"192.0.2.1:25", 1000}, {"192.0.2.2:25", 1500}, {"192.0.2.3:25", 1500}, {"192.0.2.4:25", 1}});
}

TEST_CASE("whatever is cut off a reply or changed in it, it is read within its bounds") {
    const auto whole = reply(2, mx(10, 60, "mx1") + mx(5, 30, "mx2"));
    for (std::size_t size = 0; size < whole.size(); ++size)
        CHECK_FALSE(net::parse_dns_reply(whole.substr(0, size), DnsType::kMx).has_value());
    for (std::size_t i = 0; i < whole.size(); ++i)
        for (const int octet : {0, 1, 0x3f, 0xc0, 0xff}) {
            auto changed = whole;
            changed[i] = static_cast<char>(octet);
            if (const auto parsed = net::parse_dns_reply(changed, DnsType::kMx))
                CHECK(parsed->records.size() <= net::kMaxDnsRecords);
        }
    // A name that leads to itself.
    CHECK_FALSE(net::parse_dns_reply(reply(1, std::string("\xc0\x1e", 2)), DnsType::kMx).has_value());
}

TEST_CASE("addresses need no resolver; names without one lead nowhere, and those who ask are told") {
    session::Names names;
    const auto fixed = set_of("[domain a.test]\nroute_1=1 192.0.2.1\n");
    REQUIRE(names.cached(*fixed));
    CHECK(names.cached(*fixed)->size() == 1);

    const auto named = set_of("[domain a.test]\nroute_1=1 name.test\nroute_2=2 192.0.2.2\n");
    CHECK_FALSE(names.cached(*named));
    net::Loop loop;
    session::ServersPtr found;
    names.find(loop, named, [&](session::ServersPtr servers) {
        found = std::move(servers);
        loop.stop();
    });
    CHECK_FALSE(found);  // never from within the call
    loop.run();
    REQUIRE(found);
    REQUIRE(found->size() == 1);
    CHECK((*found)[0].to_string() == "192.0.2.2:25");
}
