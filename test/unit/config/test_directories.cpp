// [ldap NAME] and [login NAME]: what they say, and what is refused.
#include <doctest/doctest.h>
#include <fmt/ranges.h>

#include "config/directory_settings.hpp"
#include "config/domains.hpp"
#include "expect.hpp"

using config::Encryption;
using config::LoginType;

namespace {

std::string hosts(std::string_view text) {
    const auto parsed = config::parse_hosts(text);
    if (!parsed)
        return "error: " + parsed.error().message;
    std::string all;
    for (const auto& host : *parsed)
        all += (all.empty() ? "" : " ") + host.to_string();
    return all;
}

constexpr std::string_view kLdap = "[ldap main]\nserver=localhost\n";

std::string ldap(std::string_view lines) {
    return std::string(kLdap) + std::string(lines) + "\n";
}

std::string login(std::string_view lines) {
    return "[login one]\n" + std::string(lines) + "\n";
}

}  // namespace

TEST_CASE("servers are names or addresses, with or without a port") {
    CHECK(hosts("Mail.example.test, 192.0.2.1:143\t[2001:db8::1]:993 ::1 [::2]") ==
          "mail.example.test 192.0.2.1:143 [2001:db8::1]:993 [::1] [::2]");
    CHECK(hosts("") == "error: no server is named");
    CHECK(hosts("a a") == "error: a is named twice");
    CHECK(hosts("ldap://a").starts_with("error: \"ldap://a\" "));
    CHECK(hosts("a:0") == "error: \"a:0\" has no port from 1 to 65535");
    CHECK(hosts("a:65536").starts_with("error:"));
    CHECK(hosts("a:").starts_with("error:"));
    CHECK(hosts("[::1]x").starts_with("error:"));
    CHECK(hosts("-a").starts_with("error:"));
    CHECK(hosts("a/b").starts_with("error:"));
    CHECK(config::parse_hosts("localhost")->front().loopback());
    CHECK(config::parse_hosts("[::1]:389")->front().loopback());
    CHECK_FALSE(config::parse_hosts("192.0.2.1")->front().loopback());
}

TEST_CASE("a directory and its log-in come with names and defaults") {
    const auto settings = expect::settings(
        "[general]\nlogin=people, Mail\n[LDAP Main]\nserver=ldap1.example.test:3268 192.0.2.1\ntls=starttls\n"
        "base_dn=dc=example,dc=test\nbind_dn=cn=reader,dc=example,dc=test\nbind_password_file=/etc/sandwich/ldap\n"
        "[login people]\ndirectory=main\nfilter=(uid=%u)\n"
        "[login mail]\ntype=pop3\nserver=localhost\nstrip_domain_name=yes\n");
    REQUIRE(settings.ldap_directories.size() == 1);
    const auto& directory = settings.ldap_directories.front();
    CHECK(directory.name == "Main");
    CHECK(directory.servers.size() == 2);
    CHECK(directory.tls == config::ServerTls{Encryption::kStartTls, true, "/etc/ssl/certs/ca-certificates.crt"});
    CHECK_FALSE(directory.referrals);
    CHECK(directory.timeout == std::chrono::seconds(10));
    REQUIRE(settings.login_servers.size() == 2);
    CHECK(settings.login_servers[0].type == LoginType::kLdap);
    CHECK(settings.login_servers[1].strip_domain_name);
    CHECK_FALSE(settings.login_servers[0].strip_domain_name);
    CHECK(settings.login_user_attempts == 10);
    CHECK(expect::settings(config::print(settings)) == settings);
}

TEST_CASE("a domain may have log-in servers of its own") {
    const auto settings = expect::settings(
        "[general]\nlogin=one\n[login one]\ntype=imap\nserver=localhost\n[login two]\ntype=pop3\nserver=localhost\n"
        "[domain a.test]\nlogin=Two one\n[domain *.b.test]\nlogin=two\n[domain c.test]\nroute_1=10 192.0.2.1\n");
    const config::DomainIndex domains(settings.domains, nullptr);
    const auto names = [&](std::string_view address) {
        return fmt::format("{}", fmt::join(config::login_names(settings, domains, address), " "));
    };
    CHECK(names("bob@A.test") == "Two one");
    CHECK(names("bob@x.b.test") == "two");
    CHECK(names("bob@c.test") == "one");
    CHECK(names("bob@elsewhere.test") == "one");
    CHECK(names("bob") == "one");
    CHECK(expect::settings(config::print(settings)) == settings);
    expect::one("[domain a.test]\nlogin=none\n", "2: error: ", "no section [login none]");
}

TEST_CASE("what does not go together is refused, with its line") {
    expect::one(ldap("bind_dn=cn=a"), "3: error: ", "bind_dn needs a password");
    expect::one(ldap("bind_password_variable=X"), "3: error: ", "no bind_dn");
    expect::one(ldap("bind_dn=a\nbind_password_file=/a\nbind_password_variable=X"), "5: error: ", "both");
    expect::one(ldap("filter=(mail=*)"), "3: error: ", "every address would be found");
    expect::one(ldap("filter=(mail=%s"), "3: error: ", "(character 9)");
    expect::one(ldap("alias_attributes=mail pro(xy"), "3: error: ", "\"pro(xy\" is no name of an attribute");
    expect::one(ldap("connect_timeout=20"), "3: error: ", "more than timeout");
    expect::one("[ldap a]\nserver=a b/c\n", "2: error: ", "b/c");
    expect::one(ldap("tls=tls\ntls_ca_file="), "4: error: ", "tls_ca_file is empty");
    expect::one(login("type=ldap"), "2: error: ", "no section [ldap main]");
    expect::one(ldap("[login x]\ndirectory=mian"), "4: error: ", "did you mean main?");
    expect::one(ldap("[login x]\ndirectory=main\nserver=a"), "5: error: ", "not for type=ldap");
    expect::one(ldap("[login x]\ndirectory=main\nfilter=(a"), "5: error: ", "filter: ");
    expect::one(ldap("[login x]\ndirectory=main\nstrip_domain_name=yes"), "5: error: ", "%u");
    expect::one(ldap("[login x]\ndirectory=main\ncontrol_user=a\ncontrol_password_file=/a"),
                "5: error: ", "control_user is not for type=ldap");
    const auto mail = [](std::string_view lines) {
        return login("type=smtp\nserver=localhost\n" + std::string(lines));
    };
    expect::one(mail("control_user=a"), "4: error: ", "control_user needs a password: neither control_password_file");
    expect::one(mail("control_password_file=/a"), "4: error: ", "no control_user that it could be for");
    expect::one(mail("control_user=a\ncontrol_password_file=/a\ncontrol_password_variable=X"), "6: error: ", "both");
    expect::none(mail("control_user=a\ncontrol_password_variable=X"));
    expect::one(login("type=imap"), "2: error: ", "has type=imap and no server");
    expect::one(login("type=smtp\nserver=localhost\nfilter=(a=%s)"), "4: error: ", "for type=ldap alone");
    expect::one(login("type=exchange\nserver=localhost"), "2: error: ", "one of ldap, smtp, pop3, imap");
    expect::one("[general]\nlogin=one two\n" + login("type=smtp\nserver=localhost"),
                "2: error: ", "no section [login two]");
    expect::one("[general]\nlogin=one ONE\n" + login("type=smtp\nserver=localhost"), "2: error: ", "named twice");
    expect::one("[ldap]\n", "1: error: ", "unknown section [ldap]");
    expect::one("[ldap NAME]\n", "1: error: ", "unknown section");
    expect::one("[login a.b]\n", "1: error: ", "letters, digits, hyphens");
    expect::one(ldap("[ldap MAIN]"), "3: error: ", "stands twice");
}

TEST_CASE("passwords in the clear, and certificates that nobody looks at, are warned about") {
    expect::one(login("type=imap\nserver=localhost 192.0.2.1"),
                "3: warning: ", "tls is off: passwords pass in the clear to 192.0.2.1");
    expect::one(login("type=imap\nserver=a\ntls=tls\ntls_verify=no"), "5: warning: ", "can read passwords");
    expect::none("[ldap a]\nserver=192.0.2.1\n");
    expect::one("[ldap a]\nserver=192.0.2.1\nbind_dn=a\nbind_password_file=/a\n", "2: warning: ", "tls is off");
    expect::one("[ldap a]\nserver=192.0.2.1\n[login b]\ndirectory=a\n", "2: warning: ", "tls is off");
}
