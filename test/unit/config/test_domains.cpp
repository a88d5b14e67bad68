#include "config/domains.hpp"
#include "expect.hpp"

using config::Domain;
using config::DomainIndex;
using config::HostKind;

namespace {

config::Route route(std::string_view text) {
    auto parsed = config::parse_route(text);
    CAPTURE(text);
    REQUIRE(parsed.has_value());
    return *parsed;
}

// Why `text` is no route; empty: it is one.
std::string fault(std::string_view text) {
    const auto parsed = config::parse_route(text);
    return parsed ? "" : parsed.error().message;
}

std::vector<std::string> routes_of(const Domain& domain) {
    std::vector<std::string> texts;
    for (const auto& one : domain.routes)
        texts.push_back(one.to_string());
    return texts;
}

config::ParsedDomainList listed(std::string_view text, const std::vector<Domain>& sections = {}) {
    return config::parse_domain_list("domains", text, sections);
}

}  // namespace

TEST_CASE("a route has a priority and a host, and perhaps a port, a weight and a word about TLS") {
    auto one = route("10 mail1.example.com:19000");
    CHECK(one.priority == 10);
    CHECK(one.weight == 1);
    CHECK(one.kind == HostKind::kName);
    CHECK(one.host == "mail1.example.com");
    CHECK(one.port == 19000);
    CHECK_FALSE(one.tls.has_value());

    one = route("\t0  Mail2  tls=verify weight=7");
    CHECK(one.priority == 0);
    CHECK(one.weight == 7);
    CHECK(one.host == "mail2");
    CHECK(one.port == 25);
    CHECK(one.tls == config::DownstreamTls::kVerified);
    CHECK(one.to_string() == "0 mail2:25 weight=7 tls=verified");

    CHECK(route("65535 192.0.2.1").address.to_string() == "192.0.2.1");
    CHECK(route("1 192.0.2.1:2525").port == 2525);
    CHECK(route("1 2001:db8::1").port == 25);
    CHECK(route("1 2001:db8::1").address.to_string() == "2001:db8::1");
    CHECK(route("1 [2001:db8::1]:26").port == 26);
    CHECK(route("1 mx:Example.COM").to_string() == "1 mx:example.com:25");
    CHECK(route("1 MX:example.com:2525").port == 2525);
    CHECK(route("1 srv:_smtp._tcp.Example.com").to_string() == "1 srv:_smtp._tcp.example.com");
    CHECK(route("1 srv:_smtp._tcp.example.com").port == 0);
}

TEST_CASE("every route reads back from what is printed of it") {
    for (const auto* text : {"10 a.test:25", "0 192.0.2.1:1 weight=1000 tls=none", "7 [::1]:26 tls=opportunistic",
                             "65535 mx:a.test:25 tls=required", "5 srv:_smtp._tcp.a.test weight=2"}) {
        CHECK(route(text).to_string() == text);
        CHECK(route(route(text).to_string()) == route(text));
    }
}

TEST_CASE("what is no route says why") {
    for (const auto* text : {"", "mail1.test", "-1 mail1.test", "65536 mail1.test", "01 a.test", "1"})
        CHECK_MESSAGE(!fault(text).empty(), text);
    CHECK(fault("10 192.0.2").find("192.0.2") != std::string::npos);
    for (const auto* text : {"1 a_b.test",
                             "1 -a.test",
                             "1 a..test",
                             "1 a.test:0",
                             "1 a.test:65536",
                             "1 a.test:",
                             "1 a.test:25:26",
                             "1 [::1]25",
                             "1 [::1",
                             "1 mx:",
                             "1 mx:192.0.2.1",
                             "1 mx:_a.test",
                             "1 srv:smtp.a.test",
                             "1 srv:_smtp._tcp.a.test:25",
                             "1 srv:",
                             "1 a.test weight=0",
                             "1 a.test weight=1001",
                             "1 a.test weight=",
                             "1 a.test tls=yes",
                             "1 a.test tls=",
                             "1 a.test port=25",
                             "1 a.test weight=1 weight=2",
                             "1 a.test 2"})
        CHECK_MESSAGE(!fault(text).empty(), text);
    CHECK(fault("1 " + std::string(64, 'a') + ".test").find("no host") != std::string::npos);
}

TEST_CASE("sections of domains are kept with their routes in the order of their numbers") {
    const auto settings = expect::settings(
        "[domain Example.COM]\nroute_10=10 mail10.test\nroute_2=20 mail2.test\n\n[domain *.example.com]\n"
        "[Domain\tdefault]\nroute_1=0 192.0.2.1:25\nroute_2=\n");
    REQUIRE(settings.domains.size() == 3);
    CHECK(settings.domains[0].name == "example.com");
    CHECK(routes_of(settings.domains[0]) == std::vector<std::string>{"20 mail2.test:25", "10 mail10.test:25"});
    CHECK(settings.domains[1].name == "*.example.com");
    CHECK(settings.domains[2].name == "default");
    CHECK(settings.domains[2].routes.size() == 1);
    CHECK(expect::settings(config::print(settings)) == settings);
}

TEST_CASE("a domain may be as long as DNS permits, whatever the ini library cuts") {
    const auto label = std::string(61, 'x');
    const auto longest = fmt::format("{0}.{0}.{0}.{0}.a.tes", label);
    REQUIRE(longest.size() == config::kMaxHostName);
    // They differ in their last letter alone.
    const auto settings = expect::settings(
        fmt::format("[domain {0}t]\nroute_1=1 a.test\n[domain *.{0}u]\n", longest.substr(0, longest.size() - 1)));
    REQUIRE(settings.domains.size() == 2);
    const DomainIndex index(settings.domains, nullptr);
    CHECK(index.find(longest.substr(0, longest.size() - 1) + "t").routes.size() == 1);
    CHECK(index.find(longest.substr(0, longest.size() - 1) + "u").name == "default");
    expect::one("[domain x" + longest + "]\n", "1: error: ", "a domain is written as");
}

TEST_CASE("faults in sections of domains are named with their lines") {
    expect::one("[domain a.test]\n[domain  A.test]\n", "2: error: ", "stands twice");
    expect::one("[domain a.test]\n[domain A.TEST]\n", "2: error: ", "stands twice");
    expect::one("[domain a_b.test]\n", "1: error: ", "a domain is written as");
    expect::one("[domain *]\n", "1: error: ", "a domain is written as");
    expect::one("[domain a.*.test]\n", "1: error: ", "a domain is written as");
    expect::one("[domain a.test b.test]\n", "1: error: ", "name of a section");
    expect::one("[domain]\n", "1: error: ", "unknown section");
    expect::one("[domain NAME]\n", "1: error: ", "unknown section");
    expect::one("[domains a.test]\n", "1: error: ", "unknown section");
    expect::one("[domain a.test]\n\nroute_1=mail1.test\n", "3: error: ", "begins with its priority");
    expect::one("[domain a.test]\nroute_1=1 a.test\nRoute_1=2 b.test\n", "3: error: ", "given twice");
    expect::one("[domain a.test]\nroute_17=1 a.test\n", "2: error: ", "at most 16");
    expect::one("[domain a.test]\nroute_0=1 a.test\n", "2: error: ", "unknown key route_0");
    expect::one("[domain a.test]\nroute=1 a.test\n", "2: error: ", "unknown key route");
    expect::one("[domain a.test]\nroute_1=1 127.0.0.1:18000\n", "2: error: ", "own socket");
    expect::one("[domain a.test]\nroute_1=1 0.0.0.0\n", "2: error: ", "no address");
    expect::one("[domain a.test]\nroute_1=1 192.0.2.20\n", "2: warning: ", "port 25 of this machine");
}

TEST_CASE("a route is verified by something that DNS does not give") {
    const std::string ca = "[tls]\ndownstream_ca_file=/ca.pem\n";
    expect::one("[domain a.test]\nroute_1=1 m.test tls=verify\n", "2: error: ", "neither [tls] downstream_ca_file nor");
    expect::none(ca + "[domain a.test]\nroute_1=1 m.test tls=verify\n");
    expect::none(ca + "[domain a.test]\nroute_1=1 192.0.2.1 tls=verify\n");
    for (const auto* host : {"mx:m.test", "srv:_smtp._tcp.m.test"}) {
        expect::one(fmt::format("{}[domain a.test]\nroute_1=1 {} tls=verify\n", ca, host), "4: error: ", "DNS gives");
        expect::one(fmt::format("{}downstream=verified\n[domain a.test]\nroute_1=1 {}\n", ca, host),
                    "5: error: ", "DNS gives");
        expect::none(fmt::format("{}downstream=verified\n[domain a.test]\nroute_1=1 {} tls=required\n", ca, host));
    }
    expect::none("[tls]\ndownstream_fingerprint=" + std::string(64, 'a') +
                 "\n[domain a.test]\nroute_1=1 mx:m.test tls=verify\n");
}

TEST_CASE("a domain is found by its name, by the nearest wildcard above it, or it is the default's") {
    const auto settings = expect::settings(
        "[domain example.com]\nroute_1=1 own.test\n[domain *.example.com]\nroute_1=1 below.test\n"
        "[domain *.deep.example.com]\nroute_1=1 deep.test\n[domain *.com]\nroute_1=1 com.test\n");
    const DomainIndex index(settings.domains, nullptr);
    const auto host = [&](std::string_view domain) {
        const auto& found = index.find(domain);
        return found.routes.empty() ? found.name : found.routes[0].host;
    };
    CHECK(host("example.com") == "own.test");
    CHECK(host("EXAMPLE.com.") == "own.test");
    CHECK(host("a.example.com") == "below.test");
    CHECK(host("a.b.Example.com") == "below.test");
    CHECK(host("deep.example.com") == "below.test");
    CHECK(host("a.deep.example.com") == "deep.test");
    CHECK(host("xexample.com") == "com.test");
    CHECK(host("com") == "default");
    for (const auto* other : {"", ".", "..", ".test", "example.org", "[192.0.2.1]", "*.example.net"})
        CHECK_MESSAGE(host(other) == "default", other);
    CHECK(host(std::string(100000, '.')) == "default");
    CHECK(index.all().size() == 5);
}

TEST_CASE("the domain of a recipient stands behind the last @") {
    CHECK(DomainIndex::domain_of("user@example.com") == "example.com");
    CHECK(DomainIndex::domain_of("\"a@b\"@example.com") == "example.com");
    CHECK(DomainIndex::domain_of("postmaster").empty());
    CHECK(DomainIndex::domain_of("user@").empty());
}

TEST_CASE("a file of domains has one a line") {
    const auto sections =
        expect::settings("[domain main.test]\nroute_1=1 main.test\n[domain default]\nroute_1=1 default.test\n").domains;
    const auto parsed = listed(
        "# comment\n; another\n\nA.test 10 a1.test; 20 a2.test:26 tls=required\r\n"
        "*.b.test\tas main.test\nc.test\n",
        sections);
    REQUIRE(parsed.errors.empty());
    const DomainIndex index(sections, parsed.list);
    CHECK(routes_of(index.find("a.test")) == std::vector<std::string>{"10 a1.test:25", "20 a2.test:26 tls=required"});
    CHECK(routes_of(index.find("x.b.test")) == std::vector<std::string>{"1 main.test:25"});
    CHECK(index.find("x.b.test").name == "*.b.test");
    CHECK(index.find("c.test").routes.empty());
    CHECK(routes_of(index.find("other.test")) == std::vector<std::string>{"1 default.test:25"});
}

TEST_CASE("faults in a file of domains are named with their lines, all at once") {
    const auto sections = expect::settings("[domain a.test]\n").domains;
    const auto parsed = listed(
        "a.test 1 x.test\nb.test 1 x.test\nb.test\nc.test x.test\ndefault 1 x.test\n_.test\nd.test as e.test\n"
        "e.test as b.test\nf.test 1 x.test\x01\n",
        sections);
    CHECK_FALSE(parsed.list);
    const auto all = expect::joined(parsed.errors);
    CAPTURE(all);
    REQUIRE(parsed.errors.size() == 8);
    CHECK(all.find("domains:1: error: a.test has a section [domain a.test] already") != std::string::npos);
    CHECK(all.find("domains:3: error: b.test stands twice, the first time in line 2") != std::string::npos);
    CHECK(all.find("domains:4: error: a route begins with its priority") != std::string::npos);
    CHECK(all.find("domains:5: error: a line begins with a domain") != std::string::npos);
    CHECK(all.find("domains:6: error: a line begins with a domain") != std::string::npos);
    CHECK(all.find("domains:7: error: there is no section [domain e.test]") != std::string::npos);
    CHECK(all.find("domains:8: error: there is no section [domain b.test]") != std::string::npos);
    CHECK(all.find("domains:9: error: the line has a control character") != std::string::npos);
}

TEST_CASE("ten thousand domains are read and found") {
    std::string text;
    for (int i = 0; i < 10000; ++i)
        text += fmt::format("[domain d{}.test]\nroute_1={} mail{}.test\n", i, i % 100, i);
    const auto settings = expect::settings(text);
    const DomainIndex index(settings.domains, nullptr);
    CHECK(index.find("d9999.test").routes.at(0).host == "mail9999.test");
    CHECK(index.find("d10000.test").name == "default");
    const auto list = listed("d10000.test 1 file.test\nd1.test 1 file.test\n", settings.domains);
    CHECK(list.errors.size() == 1);
}
