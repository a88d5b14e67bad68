#include <doctest/doctest.h>

#include "config/scanner_servers.hpp"
#include "expect.hpp"

using config::ScannerKind;
using policy::Action;

namespace {

std::string servers(ScannerKind kind, std::string_view text) {
    const auto parsed = config::parse_scanner_servers(kind, text);
    if (!parsed)
        return "error: " + parsed.error().message;
    std::string all;
    for (const auto& server : *parsed)
        all += (all.empty() ? "" : " ") + server.to_string();
    return all;
}

}  // namespace

TEST_CASE("sections of other scanners are kept in the order of the file, with their names and defaults") {
    const auto settings = expect::settings(
        "[scanner.icap Engine]\nserver=icap://192.0.2.1/av\nmethod=reqmod\naction=reject\nfailure_action=quarantine\n"
        "[scanner.clamd main]\n[Scanner.Check mine]\nprogram=/usr/bin/check -x\nmessage=file\n"
        "[scanner.clamd off]\nenable=no\nserver=nonsense\n");
    REQUIRE(settings.other_scanners.size() == 4);
    const auto& icap = settings.other_scanners[0];
    CHECK(icap.id() == "icap Engine");
    CHECK(icap.method == config::IcapMethod::kReqmod);
    REQUIRE(icap.servers.size() == 1);
    CHECK(icap.servers[0].to_string() == "icap://192.0.2.1:1344/av");
    CHECK(icap.actions == policy::Actions{Action::kReject, Action::kQuarantine});
    const auto& clamd = settings.other_scanners[1];
    CHECK(clamd.id() == "clamd main");
    CHECK(clamd.actions == policy::Actions{});
    CHECK(clamd.timeout == std::chrono::seconds(60));
    CHECK(clamd.servers.at(0).path == "/run/clamav/clamd.ctl");
    CHECK(settings.other_scanners[2].id() == "check mine");
    CHECK(settings.other_scanners[2].message == config::MessageAs::kFile);
    CHECK(expect::settings(config::print(settings)) == settings);
}

TEST_CASE("the rules have the actions of every scanner that is on, and scanning is on with any of them") {
    const auto both = expect::settings("[scanner.clamd a]\naction=discard\n[scanner.clamd b]\nenable=no\n").rules();
    CHECK(both.scanning);
    REQUIRE(both.scanners.size() == 2);  // and what looks inside a mail
    CHECK(both.scanners[0] == policy::ScannerRule{"clamd a", {Action::kDiscard, Action::kDefer}});
    policy::Actions inside{std::nullopt, std::nullopt};
    inside.limit = Action::kDefer;
    CHECK(both.scanners[1] == policy::ScannerRule{"contents", inside});
    const auto limits = expect::settings("[content]\nlimit_action=quarantine\nlimit_layers_action=ignore\n").rules();
    CHECK(limits.scanners.at(0).actions.limit == Action::kQuarantine);
    CHECK(limits.limits.at(static_cast<std::size_t>(policy::ContentLimit::kLayers)) == Action::kDeliver);
    CHECK_FALSE(limits.limits.at(0).has_value());
    CHECK(expect::settings("[scanner.clamav]\nenable=no\n[scanner.clamd a]\n").rules().scanning);
    expect::none("[scanner.clamav]\nenable=no\n[scanner.clamd a]\n");
    expect::one("[scanner.clamav]\nenable=no\n[scanner.clamd a]\nenable=no\n", "2: warning: ", "NOTHING IS SCANNED");
}

TEST_CASE("servers are addresses and sockets, or URLs") {
    CHECK(servers(ScannerKind::kClamd, "/run/a.ctl,192.0.2.1  [2001:db8::1]:99") ==
          "/run/a.ctl 192.0.2.1:3310 [2001:db8::1]:99");
    CHECK(servers(ScannerKind::kIcap, "icap://192.0.2.1/a icap://[::1]:8/b?c=d") ==
          "icap://192.0.2.1:1344/a icap://[::1]:8/b?c=d");
    for (const auto* bad :
         {"", " ", "localhost", "192.0.2.1:0", "192.0.2.1:99999", "192.0.2.1 192.0.2.1:3310", "run/a"})
        CHECK_MESSAGE(servers(ScannerKind::kClamd, bad).starts_with("error: "), bad);
    for (const auto* bad : {"", "192.0.2.1", "icap://192.0.2.1", "icap://192.0.2.1/", "icap://name/x",
                            "http://192.0.2.1/x", "icap:///x", "icap://192.0.2.1/a icap://192.0.2.1:1344/a"})
        CHECK_MESSAGE(servers(ScannerKind::kIcap, bad).starts_with("error: "), bad);
    CHECK(servers(ScannerKind::kClamd, "/" + std::string(107, 'x')).starts_with("error: "));
    std::string many;
    for (int i = 0; i < 17; ++i)
        many += "192.0.2." + std::to_string(i) + " ";
    CHECK(servers(ScannerKind::kClamd, many).starts_with("error: more than 16"));
}

TEST_CASE("faults in sections of other scanners are named with their lines") {
    expect::one("[scanner.clamd a]\n[scanner.clamd A]\n", "2: error: ", "stands twice");
    expect::one("[scanner.clamd a.b]\n", "1: error: ", "the name of a scanner");
    expect::one("[scanner.clamd " + std::string(33, 'x') + "]\n", "1: error: ", "");
    expect::one("[scanner.clamd]\n", "1: error: ", "unknown section");
    expect::one("[scanner.clamd NAME]\n", "1: error: ", "unknown section");
    expect::one("[scanner.clamd a]\nserver=localhost\n", "2: error: ", "server: ");
    expect::one("[scanner.icap a]\nserver=/run/x\n", "2: error: ", "does not begin with icap://");
    expect::one("[scanner.check a]\nprogram=check\n", "2: error: ", "no absolute path");
    expect::one("[scanner.clamd a]\ntimeout=10m\n", "2: error: ", "more than [worker] total_timeout");
    expect::one("[scanner.clamd a]\nmethod=reqmod\n", "2: error: ", "belongs to section");
    std::string many;
    for (int i = 0; i < 17; ++i)
        many += "[scanner.clamd s" + std::to_string(i) + "]\n";
    expect::one(many, "17: error: ", "more than 16 scanners");
}
