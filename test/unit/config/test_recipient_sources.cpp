// [directory], [source.KIND NAME] and what domains say of their recipients.
#include <doctest/doctest.h>

#include <algorithm>

#include "config/domains.hpp"
#include "expect.hpp"

using config::find_recipient_check;
using policy::WhenUnclear;

namespace {

constexpr std::string_view kSources =
    "[source.list staff]\nfile=/l\n[source.smtp hub]\n[source.maps local]\n[ldap main]\n";

config::Settings settings(const std::string& text) {
    return expect::settings(std::string(kSources) + text);
}

// The sources of a domain, joined; "-": it is not checked.
std::string sources_of(const config::Settings& settings, std::string_view domain) {
    const config::DomainIndex index(settings.domains, nullptr);
    const auto* const check = find_recipient_check(settings, index, domain);
    return check == nullptr ? "-" : fmt::format("{}", fmt::join(check->sources, ","));
}

}  // namespace

TEST_CASE("only domains that are named are checked, and their own section goes first") {
    const auto all = settings(
        "[directory]\ndomains=Example.test *.sub.test\nsources=list staff, LDAP main\nsource_down=accept\n"
        "[domain own.test]\nrecipient_sources=smtp hub\nrecipient_source_down=defer\nrecipient_cannot_tell=defer\n"
        "[domain open.sub.test]\nrecipient_sources=none\n[domain routed.sub.test]\nroute_1=10 192.0.2.1\n"
        "[domain *.wild.test]\nrecipient_sources=maps local,smtp hub\n"
        "[domain users.test]\nrecipient_sources=ldap main, Users\n");
    CHECK(sources_of(all, "example.test") == "list staff,ldap main");
    CHECK(sources_of(all, "a.sub.test") == "list staff,ldap main");
    CHECK(sources_of(all, "sub.test") == "-");
    CHECK(sources_of(all, "own.test") == "smtp hub");
    CHECK(sources_of(all, "open.sub.test") == "-");
    CHECK(sources_of(all, "routed.sub.test") == "list staff,ldap main");
    CHECK(sources_of(all, "x.wild.test") == "maps local,smtp hub");
    CHECK(sources_of(all, "users.test") == "ldap main,users");
    CHECK(sources_of(all, "elsewhere.test") == "-");
    CHECK(sources_of(all, "") == "-");
    const config::DomainIndex index(all.domains, nullptr);
    CHECK(find_recipient_check(all, index, "example.test")->choices.source_down == WhenUnclear::kAccept);
    CHECK(find_recipient_check(all, index, "own.test")->choices.source_down == WhenUnclear::kDefer);
    CHECK(find_recipient_check(all, index, "own.test")->choices.cannot_tell == WhenUnclear::kDefer);
    CHECK(find_recipient_check(all, index, "x.wild.test")->choices.source_down == WhenUnclear::kAccept);
    CHECK(config::named_sources(all) ==
          std::vector<std::string>{"ldap main", "list staff", "maps local", "smtp hub", "users"});
    CHECK(sources_of(expect::settings(""), "example.test") == "-");
}

TEST_CASE("what is wrong is told with its line") {
    for (const auto& [text, fault] : std::initializer_list<std::pair<std::string, std::string>>{
             {"[directory]\ndomains=x.test\nsources=list other\n", "there is no section [source.list other]"},
             {"[directory]\ndomains=x.test\nsources=ldap other\n", "there is no section [ldap other]"},
             {"[directory]\ndomains=x.test\nsources=list\n", "is no source"},
             {"[directory]\ndomains=x.test\nsources=pigeon post\n", "is no source"},
             {"[directory]\ndomains=x.test\nsources=list staff, list staff\n", "is named twice"},
             {"[directory]\ndomains=x.test\nsources=users, list staff, users\n", "is named twice"},
             {"[directory]\ndomains=x.test\nsources=users here\n", "is no source"},
             {"[directory]\ndomains=bob@x.test\nsources=list staff\n", "is no domain"},
             {"[directory]\ndomains=*\nsources=list staff\n", "the whole world"},
             {"[directory]\nsocketmap=here\n", "socketmap: "},
             {"[directory]\nsocketmap=192.0.2.1\n", "neither a path nor ADDRESS:PORT"},
             {"[domain default]\nrecipient_sources=list staff\n", "the whole world"},
             {"[domain x.test]\nrecipient_sources=vrfy hub\n", "there is no section [source.vrfy hub]"},
             {"[source.list empty]\nfile=\n", "must be an absolute path"},
             {"[source.pigeon x]\n", "unknown section"},
             {"[source.list a.b]\nfile=/x\n", "the name of a source"},
             {"[source.vrfy x]\nfile=/x\n", "unknown key"}}) {
        const auto loaded = config::parse(std::string(kSources) + text, {"mx.example.test", {}});
        CAPTURE(text);
        REQUIRE_FALSE(loaded.diagnostics.empty());
        const auto found = std::ranges::find_if(loaded.diagnostics, [&](const config::Diagnostic& one) {
            return one.text.find(fault) != std::string::npos;
        });
        REQUIRE(found != loaded.diagnostics.end());
        CHECK(found->line > 5);
    }
}

TEST_CASE("where the socketmap is") {
    CHECK(config::parse_socketmap("")->listens() == false);
    CHECK(config::parse_socketmap("/run/x")->path == "/run/x");
    CHECK(config::parse_socketmap("[::1]:8000")->address->to_string() == "[::1]:8000");
    CHECK_FALSE(config::parse_socketmap("/" + std::string(200, 'x')));
    CHECK_FALSE(config::parse_socketmap("192.0.2.1:25 192.0.2.2:25"));
}

TEST_CASE("all of it is printed so that it reads back the same") {
    const auto all = settings(
        "[directory]\ndomains=a.test\nsources=list staff\nsocketmap=/run/s\n[source.vrfy v]\nserver=192.0.2.1:2525\n"
        "[domain own.test]\nrecipient_sources=smtp hub\nrecipient_cannot_tell=defer\n");
    CHECK(expect::settings(config::print(all)) == all);
}
