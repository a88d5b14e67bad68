// Sendmail's configurations: reading them, what sandwich-cf says, the ways between the daemons, queues, our settings.
#include <doctest/doctest.h>

#include "doctor/cf_facts.hpp"
#include "doctor/daemon_state.hpp"
#include "doctor/queue_runner.hpp"
#include "doctor/sendmail_pair.hpp"

using namespace doctor;

namespace {

net::Endpoint at(std::string_view address, std::uint16_t port) {
    return {*net::Address::parse(address), port};
}

constexpr std::string_view kInbound = R"(# comment
O QueueDirectory=/var/spool/mqueue
O PidFile=/run/sendmail/mta/sendmail.pid
O PrivacyOptions=needmailhelo,
	NoVrfy,restrictqrun
O DaemonPortOptions=Name=MTA-v4, Family=inet, Addr=127.0.0.1, Port=smtp
O DaemonPortOptions=Family=inet, Name=MSP-v4, Port=submission, M=Ea
Mlocal,		P=[IPC], F=lsDFMAw5:/|@qPn9SXk0,
		A=TCP [127.0.0.1] 18000
Mesmtp,		P=[IPC], F=mDFMuXa, A=TCP [127.0.0.1] 18000
Mrelay,		P=[IPC], F=mDFMuXa8, A=TCP [192.0.2.2]:[IPv6:2001:db8::3] 18001
Mother,		P=[IPC], A=TCP $h
Mprog,		P=/bin/sh, A=smrsh -c $u
)";

PairFacts sound_pair() {
    return {"/etc/mail/in.cf", "/etc/mail/out.cf", true, true, true, true, 0, "0 errors, 0 warnings\nhint: x\n", {}};
}

QueueFacts good_queue() {
    return {"delivery",
            "/etc/mail/out.cf",
            "/var/spool/mqueue-d",
            parse_pid_file("/run/d.pid", "42\n/usr/sbin/sendmail-mta -Am -bd -q10m -C/etc/mail/out.cf\n"),
            true,
            {}};
}

}  // namespace

TEST_CASE("a sendmail.cf is read over its continued lines") {
    const auto cf = parse_cf(kInbound);
    CHECK(cf.option("queuedirectory") == "/var/spool/mqueue");
    CHECK(cf.option("PidFile") == "/run/sendmail/mta/sendmail.pid");
    CHECK(hides_users(cf.option("PrivacyOptions")) == "novrfy");
    REQUIRE(cf.daemons.size() == 2);
    CHECK(cf.daemons[0] == CfFacts::Daemon{"127.0.0.1", 25});
    CHECK(cf.daemons[1] == CfFacts::Daemon{"", 587});
    REQUIRE(cf.hops.size() == 2);
    CHECK(cf.hops[0] == CfFacts::Hop{{"127.0.0.1"}, 18000});
    CHECK(cf.hops[1] == CfFacts::Hop{{"192.0.2.2", "2001:db8::3"}, 18001});
}

TEST_CASE("a sendmail.cf without a port listens on 25; old options have one letter") {
    CHECK(parse_cf("").daemons == std::vector{CfFacts::Daemon{"", 25}});
    const auto cf = parse_cf("OpAuthwarnings,goaway\nOQ/var/spool/q\nOOPort=2525\n");
    CHECK(hides_users(cf.option("PrivacyOptions")) == "goaway");
    CHECK(cf.option("QueueDirectory") == "/var/spool/q");
    CHECK(cf.daemons == std::vector{CfFacts::Daemon{"", 2525}});
}

TEST_CASE("VRFY is hidden by novrfy and goaway alone") {
    CHECK(hides_users("authwarnings,noexpn,restrictqrun,nobodyreturn,needmailhelo,restrictmailq").empty());
    CHECK(hides_users("public, novrfy") == "novrfy");
    CHECK(hides_users("goaway novrfy") == "goaway, novrfy");
}

TEST_CASE("settings of a shell") {
    const auto found = parse_defaults(
        "# X=1\n#Y=2\nINBOUND_CF=/a/b.cf\n  DELIVERY_CF=\"/c d.cf\" \nif [ x = y ]; then\nCONFIG='/e'\n");
    CHECK(found.size() == 3);
    CHECK(found.find("INBOUND_CF")->second == "/a/b.cf");
    CHECK(found.find("DELIVERY_CF")->second == "/c d.cf");
    CHECK(found.find("CONFIG")->second == "/e");
}

TEST_CASE("the pair: sound, faulty, missing, not wanted, not checked") {
    auto facts = sound_pair();
    CHECK(judge_pair(facts).front().level == Level::kOk);

    facts.told =
        "in.cf:7: error: no-dots: the body can smuggle. Cure: flag X\nout.cf:9: warning: stale: old. Cure: run it "
        "again\n1 errors, 1 warnings\n";
    facts.status = 1;
    auto found = judge_pair(facts);
    REQUIRE(found.size() == 2);
    CHECK(found[0] == failure("in.cf:7", "no-dots: the body can smuggle", "flag X"));
    CHECK(found[1] == warning("out.cf:9", "stale: old", "run it again"));

    facts.told = "sandwich-cf: in.cf: no such file\n";
    CHECK(judge_pair(facts).front().level == Level::kFailure);

    facts = sound_pair();
    facts.delivery_there = false;
    found = judge_pair(facts);
    CHECK(found.front().level == Level::kFailure);
    CHECK(found.front().text == "/etc/mail/out.cf is missing");

    facts.delivery_expected = false;  // it is on another machine
    CHECK(judge_pair(facts).front().level == Level::kOk);
    facts.inbound_there = false;
    CHECK(judge_pair(facts).front().level == Level::kFailure);
    facts.inbound_expected = false;
    CHECK(judge_pair(facts).front().level == Level::kOk);

    facts = sound_pair();
    facts.not_run = "python3: not found";
    CHECK(judge_pair(facts).front().level == Level::kWarning);
}

TEST_CASE("the inbound Sendmail sends to where we listen") {
    WayFacts facts{parse_cf(kInbound), std::nullopt, {at("127.0.0.1", 18000)}, {}, {}};
    CHECK(judge_way(facts).front().level == Level::kOk);
    facts.sockets = {at("0.0.0.0", 18000)};
    CHECK(judge_way(facts).front().level == Level::kOk);
    facts.sockets = {at("127.0.0.1", 18001)};
    CHECK(judge_way(facts).front().level == Level::kFailure);
    // Scanners elsewhere are not looked for here.
    facts.inbound = parse_cf("Mesmtp, P=[IPC], A=TCP [192.0.2.2] 18000\n");
    CHECK(judge_way(facts).empty());
    facts.local = {*net::Address::parse("192.0.2.2")};
    CHECK(judge_way(facts).front().level == Level::kFailure);
}

TEST_CASE("we deliver to where the delivery Sendmail listens") {
    WayFacts facts{
        std::nullopt, parse_cf("O DaemonPortOptions=Addr=127.0.0.1, Port=19000\n"), {}, {at("127.0.0.1", 19000)}, {}};
    CHECK(judge_way(facts).front().level == Level::kOk);
    facts.downstream = {at("127.0.0.1", 19001)};
    CHECK(judge_way(facts).front().level == Level::kFailure);
    facts.downstream = {at("192.0.2.1", 25)};  // another machine
    CHECK(judge_way(facts).empty());
    facts.downstream = {at("127.0.0.1", 0)};  // a command
    CHECK(judge_way(facts).empty());
}

TEST_CASE("a queue runner") {
    CHECK(has_queue_run("/usr/sbin/sendmail-mta -Am -bd -q10m -Cx"));
    CHECK(has_queue_run("sendmail -bd -qp30s"));
    CHECK(has_queue_run("sendmail -qp"));
    CHECK(has_queue_run("sendmail: Queue runner@00:10:00 for /var/spool/mqueue"));
    CHECK_FALSE(has_queue_run("sendmail -bd"));
    CHECK_FALSE(has_queue_run("sendmail -bd -q"));      // one run
    CHECK_FALSE(has_queue_run("sendmail -qRexample"));  // one run of some
    CHECK_FALSE(has_queue_run("sendmail -bd -C/etc/mail/q10.cf"));
}

TEST_CASE("the queue: tried again by the daemon, by a runner beside it, by nobody") {
    CHECK(judge_queue(good_queue()).level == Level::kOk);

    auto facts = good_queue();
    facts.pid_file.command = "/usr/sbin/sendmail-mta -Am -bd -C/etc/mail/out.cf";
    auto found = judge_queue(facts);
    CHECK(found.level == Level::kFailure);
    CHECK(found.text.find("without a queue interval") != std::string::npos);

    facts.sendmails = {{7, "sendmail-mta", "sendmail: Queue runner@00:10:00 for /var/spool/mqueue-d"}};
    CHECK(judge_queue(facts).level == Level::kOk);
    facts.sendmails = {{7, "sendmail-mta", "sendmail: Queue runner@00:10:00 for /var/spool/mqueue"}};
    CHECK(judge_queue(facts).level == Level::kFailure);

    facts = good_queue();
    facts.runs = false;
    found = judge_queue(facts);
    CHECK(found.level == Level::kFailure);
    CHECK(found.cure == "service sandwich start delivery");
}

TEST_CASE("our configuration, as sandwichd judges it") {
    CHECK(judge_configuration({"s.ini", {}, 0, "s.ini: valid\n"}) == Findings{fine("configuration", "s.ini is valid")});
    auto found = judge_configuration({"s.ini", {}, 0, "s.ini:3: warning: odd\ns.ini: valid\n"});
    REQUIRE(found.size() == 2);
    CHECK(found[1].level == Level::kWarning);
    found = judge_configuration({"s.ini", {}, 1, "s.ini:3: error: bad\ns.ini:4: warning: odd\n"});
    REQUIRE(found.size() == 2);
    CHECK(found[0].level == Level::kFailure);
    CHECK(found[0].text == "s.ini:3: error: bad");
    CHECK(judge_configuration({"s.ini", {}, 134, ""}).front().level == Level::kFailure);
    CHECK(judge_configuration({"s.ini", "no such file", 0, ""}).front().level == Level::kWarning);
}

TEST_CASE("the running daemon") {
    const DaemonFacts good{
        "/run/c", {}, "uptime: 9 s\nlast reload: none\nworkers: 2 (0 busy)\njournal: 0 entries\nusers: 0 mailboxes\n"};
    CHECK(judge_daemon(good).front().level == Level::kOk);
    CHECK(judge_daemon({"/run/c", "/run/c: No such file or directory", ""}).front().level == Level::kFailure);
    const auto broken = [&](std::string_view from, std::string_view to) {
        auto facts = good;
        facts.status.replace(facts.status.find(from), from.size(), to);
        const auto found = judge_daemon(facts);
        REQUIRE(found.size() == 1);
        return found.front().level;
    };
    CHECK(broken("last reload: none", "last reload: 2026-11-28T10:00:00Z refused: s.ini:3: error: bad") ==
          Level::kWarning);
    CHECK(broken("workers: 2", "workers: 0") == Level::kFailure);
    CHECK(broken("0 entries", "0 entries, CANNOT BE WRITTEN") == Level::kFailure);
    CHECK(broken("0 mailboxes", "0 mailboxes, CANNOT BE USED") == Level::kFailure);
}
