// Allow list, routes, sources, log-in servers: one thing broken at a time. And a talk with a server of the test's own.
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <string_view>
#include <thread>

#include "doctor/allow_list.hpp"
#include "doctor/route_check.hpp"
#include "doctor/server_check.hpp"

using namespace doctor;

namespace {

net::Endpoint at(std::string_view address, std::uint16_t port) {
    return {*net::Address::parse(address), port};
}

net::AddressList list(std::string_view text) {
    return *net::AddressList::parse(text);
}

SmtpFacts greets() {
    SmtpFacts facts;
    facts.contact.reach = Reach::kConnected;
    facts.greeting = smtp::Reply{220, {"mail.example.com ESMTP"}};
    facts.hello = smtp::Reply{250, {"mail.example.com"}};
    return facts;
}

SmtpFacts unreached(Reach reach) {
    SmtpFacts facts;
    facts.contact = {reach, "why"};
    return facts;
}

AllowFacts good_list() {
    return {list("addr:127.0.0.1 addr:::1"),
            {at("127.0.0.1", 18000)},
            {*net::Address::parse("127.0.0.1")},
            {{at("127.0.0.1", 18000), *net::Address::parse("127.0.0.1"), greets()}}};
}

RouteFacts route(SmtpFacts smtp, config::DownstreamTls tls = config::DownstreamTls::kNone) {
    return {"10 192.0.2.1:25", tls, {}, {{"192.0.2.1:25", std::move(smtp)}}};
}

Finding only(const Findings& findings) {
    REQUIRE(findings.size() == 1);
    return findings.front();
}

// Listens on loopback, takes one connection, says these octets, and closes when the other side does.
class OneServer {
  public:
    explicit OneServer(std::string says) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_storage storage{};
        auto length = at("127.0.0.1", 0).to_sockaddr(storage);
        REQUIRE(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&storage), length) == 0);
        REQUIRE(::listen(socket_.get(), 1) == 0);
        length = sizeof storage;
        REQUIRE(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&storage), &length) == 0);
        address = net::Endpoint::from_sockaddr(reinterpret_cast<const sockaddr*>(&storage));
        thread_ = std::thread([this, says = std::move(says)] {
            const base::UniqueFd client(::accept(socket_.get(), nullptr, nullptr));
            (void)::send(client.get(), says.data(), says.size(), MSG_NOSIGNAL);
            char octets[1024];
            ssize_t got = 0;
            while (!says.empty() && (got = ::recv(client.get(), octets, sizeof octets, 0)) > 0) {
                if (std::string_view(octets, static_cast<std::size_t>(got)).find("QUIT") != std::string_view::npos)
                    break;
            }
        });
    }
    ~OneServer() { thread_.join(); }
    OneServer(const OneServer&) = delete;
    OneServer& operator=(const OneServer&) = delete;

    net::Endpoint address;

  private:
    base::UniqueFd socket_;
    std::thread thread_;
};

SmtpFacts ask(const std::string& says, const SmtpWish& wish,
              std::chrono::milliseconds patience = std::chrono::seconds(20)) {
    OneServer server(says);
    return ask_smtp(server.address, wish, base::Monotonic::now() + patience);
}

}  // namespace

TEST_CASE("the allow list") {
    auto found = judge_allow_list(good_list());
    REQUIRE(found.size() == 2);
    CHECK(exit_status(found) == 0);

    auto facts = good_list();
    facts.allowed = list("addr:0.0.0.0/0");
    CHECK(judge_allow_list(facts).front().level == Level::kWarning);
    facts.sockets = {at("0.0.0.0", 18000)};
    CHECK(judge_allow_list(facts).front().level == Level::kFailure);

    facts = good_list();
    facts.allowed = list("addr:192.0.2.10");
    facts.visits.clear();
    found = judge_allow_list(facts);
    CHECK(only(found).level == Level::kFailure);
    CHECK(only(found).cure.find("addr:127.0.0.1") != std::string::npos);
    facts.inbound.clear();  // on another machine
    CHECK(exit_status(judge_allow_list(facts)) == 0);
}

TEST_CASE("our own greeting") {
    auto facts = good_list();
    facts.visits.front().smtp.greeting = smtp::Reply{421, {"4.7.0 sandwich no"}};
    facts.visits.front().smtp.hello.reset();
    CHECK(exit_status(judge_allow_list(facts)) == 2);
    facts.visits.front().from = *net::Address::parse("192.0.2.77");  // whom the list does not let in
    CHECK(exit_status(judge_allow_list(facts)) == 0);
    facts.visits.front().smtp = unreached(Reach::kRefused);
    CHECK(exit_status(judge_allow_list(facts)) == 2);
}

TEST_CASE("a route whose only server fails is a failure, one of several a warning") {
    CHECK(only(judge_routes({{"default", {route(greets())}}})).level == Level::kOk);
    auto found = only(judge_routes({{"default", {route(unreached(Reach::kRefused))}}}));
    CHECK(found.level == Level::kFailure);
    CHECK(found.text.find("192.0.2.1:25: connection refused; mail waits") == 0);
    found = only(judge_routes({{"default", {route(unreached(Reach::kSilent))}}}));
    CHECK(found.cure.find("firewalls") != std::string::npos);
    const auto two = judge_routes({{"default", {route(unreached(Reach::kRefused)), route(greets())}}});
    REQUIRE(two.size() == 2);
    CHECK(two[0].level == Level::kWarning);
    CHECK(two[1].level == Level::kOk);
    // Another domain's server is no help.
    CHECK(exit_status(judge_routes({{"a.test", {route(unreached(Reach::kRefused))}}, {"b.test", {route(greets())}}})) ==
          2);
}

TEST_CASE("a route: name, greeting, EHLO, end of the connection, TLS, the postmaster") {
    auto nowhere = route(greets());
    nowhere.servers.clear();
    nowhere.no_server = "mail.example.com: there is no such name";
    CHECK(only(judge_routes({{"default", {nowhere}}})).level == Level::kFailure);

    auto smtp = greets();
    smtp.greeting = smtp::Reply{554, {"no"}};
    CHECK(only(judge_routes({{"default", {route(smtp)}}})).text.find("it greets with 554 no") != std::string::npos);
    smtp = greets();
    smtp.hello = smtp::Reply{502, {"no"}};
    CHECK(only(judge_routes({{"default", {route(smtp)}}})).text.find("EHLO with 502") != std::string::npos);
    smtp = greets();
    smtp.broken = "EHLO: no answer in time";
    CHECK(only(judge_routes({{"default", {route(smtp)}}})).level == Level::kFailure);
    smtp.greeting.reset();
    CHECK(only(judge_routes({{"default", {route(smtp)}}})).text.find("connected, but") != std::string::npos);

    smtp = greets();
    smtp.tls = "it does not offer STARTTLS";
    CHECK(only(judge_routes({{"default", {route(smtp, config::DownstreamTls::kVerified)}}})).level == Level::kFailure);
    CHECK(only(judge_routes({{"default", {route(smtp, config::DownstreamTls::kRequired)}}})).level == Level::kFailure);
    CHECK(only(judge_routes({{"default", {route(smtp, config::DownstreamTls::kOpportunistic)}}})).level == Level::kOk);

    smtp = greets();
    smtp.recipient = smtp::Reply{550, {"5.7.1 Relaying denied"}};
    CHECK(only(judge_routes({{"default", {route(smtp)}}})).level == Level::kWarning);
}

TEST_CASE("a server that many domains share is told of a few times") {
    std::vector<RouteSetFacts> sets;
    for (int i = 0; i < 1000; ++i)
        sets.push_back({"d" + std::to_string(i), {route(i < 900 ? unreached(Reach::kRefused) : greets())}});
    const auto found = judge_routes(sets);
    REQUIRE(found.size() == 12);
    CHECK(found[10] == fine("routes", "95 more: 192.0.2.1:25 greets"));
    CHECK(found[11].level == Level::kFailure);
    CHECK(found[11].text.find("895 more: 192.0.2.1:25: connection refused") == 0);
}

TEST_CASE("delivery by a command") {
    CHECK(judge_command({"/usr/lib/sendmail", true, "/d.cf", true}).level == Level::kOk);
    CHECK(judge_command({"/usr/lib/sendmail", false, "", false}).level == Level::kFailure);
    CHECK(judge_command({"/usr/lib/sendmail", true, "/d.cf", false}).level == Level::kFailure);
}

TEST_CASE("a server of a directory, a log-in, a scanner") {
    ServerFacts facts{"ldap main", "192.0.2.1:389", {Reach::kConnected, {}}, {}, false};
    CHECK(judge_server(facts).level == Level::kOk);
    facts.refusal = "Invalid credentials";
    CHECK(judge_server(facts).level == Level::kFailure);
    CHECK(judge_server(facts).cure.find("certificate") == std::string::npos);
    facts.tls = true;
    CHECK(judge_server(facts).cure.find("certificate") != std::string::npos);
    facts.refusal.clear();
    facts.variable = "LDAP_PASSWORD";  // only the daemon has it
    CHECK(judge_server(facts).level == Level::kWarning);
    facts.contact = {Reach::kSilent, "x"};
    auto found = judge_server(facts);
    CHECK(found.level == Level::kFailure);
    CHECK(found.cure.find("firewalls") != std::string::npos);
    facts.others = true;
    CHECK(judge_server(facts).level == Level::kWarning);
}

TEST_CASE("a log-in server and its account that is known to be good") {
    ServerFacts facts{"login mail", "192.0.2.1:25", {Reach::kConnected, {}}, {}, false};
    CHECK(judge_server(facts).text == "192.0.2.1:25 answers");
    facts.control = base::ok();
    CHECK(judge_server(facts).text == "192.0.2.1:25 answers and lets control_user in");
    CHECK(judge_server(facts).level == Level::kOk);
    facts.control = base::error("it refuses even control_user: 535 no");
    CHECK(judge_server(facts).level == Level::kFailure);
    CHECK(judge_server(facts).text.starts_with("192.0.2.1:25: it refuses even control_user: 535 no"));
    CHECK(judge_server(facts).cure.find("saslauthd") != std::string::npos);
    facts.variable = "CONTROL_PASSWORD";
    CHECK(judge_server(facts).level == Level::kWarning);
    CHECK(judge_server(facts).cure == "run it with CONTROL_PASSWORD set");
}

TEST_CASE("files as sources") {
    CHECK(judge_file_source({"list staff", {}, "3 recipients in /f"}).level == Level::kOk);
    CHECK(judge_file_source({"list staff", "/f: No such file", {}}).level == Level::kFailure);
    CHECK(judge_file_source({"maps local", {}, "1 local names; NOBODY IS UNKNOWN TO IT: LUSER_RELAY"}).level ==
          Level::kWarning);
}

TEST_CASE("mail servers as sources; PrivacyOptions") {
    MailSourceFacts facts{"vrfy local", "127.0.0.1:19000", true, greets(), false, "/etc/mail/out.cf", "noexpn"};
    facts.smtp.verified = smtp::Reply{250, {"2.1.5 <root@example.com>"}};
    CHECK(only(judge_mail_source(facts)).level == Level::kOk);

    facts.privacy_options = "goaway";
    auto found = only(judge_mail_source(facts));
    CHECK(found.level == Level::kFailure);
    CHECK(found.text.find("/etc/mail/out.cf has goaway") != std::string::npos);
    // Also of one that does not run, in the same breath.
    facts.smtp = unreached(Reach::kRefused);
    CHECK(judge_mail_source(facts).size() == 2);

    // Elsewhere only the answer tells.
    facts = {"vrfy hub", "192.0.2.1:25", true, greets(), false};
    for (const int code : {252, 502}) {
        facts.smtp.verified = smtp::Reply{code, {"x"}};
        CHECK(only(judge_mail_source(facts)).level == Level::kFailure);
    }
    facts.smtp.verified = smtp::Reply{550, {"5.1.1 unknown"}};
    CHECK(only(judge_mail_source(facts)).level == Level::kOk);

    // RCPT does not depend on it.
    facts = {"smtp hub", "127.0.0.1:19000", false, greets(), false, "/etc/mail/out.cf", "goaway"};
    facts.smtp.recipient = smtp::Reply{250, {"2.1.5 ok"}};
    CHECK(only(judge_mail_source(facts)).level == Level::kOk);
    facts.smtp.recipient = smtp::Reply{451, {"4.7.1 greylisted"}};
    CHECK(only(judge_mail_source(facts)).level == Level::kWarning);
    facts.smtp = unreached(Reach::kSilent);
    CHECK(only(judge_mail_source(facts)).level == Level::kFailure);
}

TEST_CASE("the socketmap") {
    CHECK(judge_socketmap({"/run/s", {Reach::kConnected, {}}, "8:NOTFOUND,"}).level == Level::kOk);
    CHECK(judge_socketmap({"/run/s", {Reach::kConnected, {}}, ""}).level == Level::kFailure);
    CHECK(judge_socketmap({"/run/s", {Reach::kOther, "No such file or directory"}, ""}).level == Level::kFailure);
}

TEST_CASE("a talk: all that is wished, said at once by a server that does not wait") {
    const auto facts = ask(
        "220 m ESMTP\r\n250-m\r\n250 STARTTLS\r\n252 2.5.2 maybe\r\n250 ok\r\n450 4.2.0 later\r\n250 ok\r\n221 bye\r\n",
        {"us", {}, false, {}, "root", "root"});
    CHECK(facts.broken.empty());
    CHECK(facts.offers_starttls);
    REQUIRE(facts.verified);
    CHECK(facts.verified->code == 252);
    REQUIRE(facts.recipient);
    CHECK(facts.recipient->code == 450);
    CHECK_FALSE(fault_of(facts, "here"));
}

TEST_CASE("a talk that is broken off") {
    CHECK(ask("", {"us"}).broken.find("no greeting") == 0);
    CHECK(ask("hello\r\n", {"us"}).broken.find("no SMTP") != std::string::npos);
    CHECK(ask("220 m\r\n", {"us"}, std::chrono::milliseconds(100)).broken == "EHLO: no answer in time");
    const auto refused = ask("421 no\r\n", {"us"});
    CHECK(refused.broken.empty());
    CHECK(fault_of(refused, "here")->text == "it greets with 421 no");
    const auto no_tls = ask("220 m\r\n250 m\r\n", {"us", *net::tls::Context::client({}), false, {}});
    CHECK(no_tls.tls == "it does not offer STARTTLS");
}

TEST_CASE("nobody listens") {
    net::Endpoint closed;
    {
        OneServer server("220 m\r\n");
        closed = server.address;
        (void)connect_to(closed, base::Monotonic::now() + std::chrono::seconds(20));
    }
    CHECK(connect_to(closed, base::Monotonic::now() + std::chrono::seconds(20)).contact.reach == Reach::kRefused);
    CHECK(connect_to_path("/no/such/socket").contact.reach == Reach::kOther);
    CHECK_FALSE(look_up("no-such-host.invalid", 25).why.empty());
    CHECK(look_up("127.0.0.1", 25).found == std::vector{at("127.0.0.1", 25)});
}
