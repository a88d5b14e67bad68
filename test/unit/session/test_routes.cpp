#include <doctest/doctest.h>

#include "config/load.hpp"
#include "session/routes.hpp"

using session::RouteTable;
using session::Servers;

namespace {

RouteTable table(std::string_view text, std::string_view listed = "") {
    auto settings = config::parse(text, {"mx.example.test", {}}).settings;
    REQUIRE(settings.has_value());
    auto list = config::parse_domain_list("domains", listed, settings->domains);
    REQUIRE(list.errors.empty());
    return {*settings, config::DomainIndex(settings->domains, list.list)};
}

std::vector<std::string> addresses(const Servers& servers) {
    std::vector<std::string> texts;
    for (const auto& server : servers)
        texts.push_back(server.to_string());
    return texts;
}

net::Endpoint endpoint(const char* address, std::uint16_t port = 25) {
    return {*net::Address::parse(address), port};
}

}  // namespace

TEST_CASE("without domains all mail goes to the delivery servers, in the order of the list") {
    const auto routes = table("[smtp]\ndownstream_smtp_server_addr=192.0.2.2 192.0.2.1:26\n");
    const auto& set = routes.find("user@example.test");
    CHECK(set == routes.fallback());
    REQUIRE(set->fixed);
    CHECK(addresses(*set->fixed) == std::vector<std::string>{"192.0.2.2:19000", "192.0.2.1:26"});
    CHECK((*set->fixed)[0].priority < (*set->fixed)[1].priority);
    CHECK(routes.all().size() == 1);
    CHECK(RouteTable().find("a@b.test")->fixed->empty());
}

TEST_CASE("domains with the same routes share one set, and one without routes has the default's") {
    const auto routes = table(
        "[domain a.test]\nroute_1=10 192.0.2.1\n[domain b.test]\nroute_1=10 192.0.2.1:25\n"
        "[domain c.test]\nroute_1=20 192.0.2.1\n[domain d.test]\n",
        "e.test 10 192.0.2.1\nf.test as c.test\ng.test\n");
    CHECK(routes.find("x@a.test") == routes.find("x@B.test"));
    CHECK(routes.find("x@a.test") == routes.find("x@e.test"));
    CHECK(routes.find("x@a.test") != routes.find("x@c.test"));
    CHECK(routes.find("x@f.test") == routes.find("x@c.test"));
    for (const auto* other : {"x@d.test", "x@g.test", "x@other.test", "postmaster", ""})
        CHECK_MESSAGE(routes.find(other) == routes.fallback(), other);
    CHECK(routes.all().size() == 3);
    CHECK(routes.find("x@a.test")->domains == 3);
}

TEST_CASE("the default's routes may be given as a domain's") {
    const auto routes = table("[domain default]\nroute_1=1 192.0.2.9\n[domain a.test]\n");
    CHECK(addresses(*routes.fallback()->fixed) == std::vector<std::string>{"192.0.2.9:25"});
    CHECK(routes.find("x@a.test") == routes.fallback());
}

TEST_CASE("a route's own word about TLS counts, else that of [tls]") {
    const auto routes =
        table("[tls]\ndownstream=opportunistic\n[domain a.test]\nroute_1=1 192.0.2.1 tls=none\nroute_2=2 192.0.2.2\n");
    const auto& servers = *routes.find("x@a.test")->fixed;
    CHECK(servers[0].tls == config::DownstreamTls::kNone);
    CHECK(servers[1].tls == config::DownstreamTls::kOpportunistic);
}

TEST_CASE("servers stand in the order of priorities, then of their records' preferences") {
    const auto routes =
        table("[domain a.test]\nroute_1=20 192.0.2.1\nroute_2=10 mx:a.test weight=3\nroute_3=10 name.test\n");
    const auto& set = *routes.find("x@a.test");
    CHECK_FALSE(set.fixed);
    const auto servers = session::arrange(
        set, {{},
              {{endpoint("192.0.2.12"), "mx2.test", 20, 1000}, {endpoint("192.0.2.11"), "mx1.test", 5, 1000}},
              {{endpoint("192.0.2.21"), "name.test", 0, 500}, {endpoint("192.0.2.22"), "name.test", 0, 500}}});
    CHECK(addresses(servers) ==
          std::vector<std::string>{"192.0.2.21:25", "192.0.2.22:25", "192.0.2.11:25", "192.0.2.12:25", "192.0.2.1:25"});
    CHECK(servers[0].priority == servers[1].priority);
    CHECK(servers[2].weight == 3000);
    CHECK(servers[2].name == "mx1.test");
    // One that two routes lead to is asked once, and there is an end to them.
    CHECK(session::arrange(set, {{}, {{endpoint("192.0.2.1"), "", 0, 1}}, {}}).size() == 1);
    std::vector<session::Target> many;
    for (unsigned i = 0; i < 100; ++i)
        many.push_back({endpoint("192.0.2.7", static_cast<std::uint16_t>(1000 + i)), "", i, 1});
    CHECK(session::arrange(set, {{}, many, {}}).size() == session::kMaxServers);
}
