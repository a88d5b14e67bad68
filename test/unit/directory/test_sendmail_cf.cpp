// What is taken out of a sendmail.cf.
#include <doctest/doctest.h>

#include "directory/sendmail_cf.hpp"

using namespace directory;
using Kind = MapDeclaration::Kind;

namespace {

// What every sendmail.cf made from the m4 files has.
constexpr std::string_view kFrame =
    "SParse0\nSParse1\n"
    "Mlocal,\t\tP=/usr/sbin/sensible-mda, F=lsDFMAw5:/|@qPn9S, S=EnvFromL/HdrFromL,\n\tT=DNS/RFC822/X-Unix,\n\tA=x "
    "$u\n";

SendmailCf read(std::string text) {
    auto cf = parse_sendmail_cf(std::string(kFrame) + text, "mx.Example.test");
    REQUIRE(cf);
    return std::move(*cf);
}

}  // namespace

TEST_CASE("classes, with macros that are defined later") {
    const auto cf = read(
        "Cwlocalhost  Other.test\nCw $m\nC{VirtHost}virt.test\nCR relay.test\nDm Example.TEST\nC{Other}no.test\n"
        "Fw/etc/mail/local-host-names %[^\\#]\nFR-o /etc/mail/relay-domains\nF{VirtHost}-o /v %s\nFw|/bin/program\n"
        "Fw@ldap:x\n");
    CHECK(cf.local.words == std::set<std::string>{"localhost", "other.test", "example.test", "mx", "mx.example.test"});
    CHECK(cf.virtuals.words == std::set<std::string>{"virt.test"});
    CHECK(cf.relayed.words == std::set<std::string>{"relay.test"});
    REQUIRE(cf.local.files.size() == 1);
    CHECK(cf.local.files[0] == ClassDeclaration::File{"/etc/mail/local-host-names", false, false, "#"});
    CHECK(cf.relayed.files[0] == ClassDeclaration::File{"/etc/mail/relay-domains", true, true, ""});
    CHECK(cf.virtuals.files[0].path == "/v");
    CHECK(cf.users);
    CHECK(cf.open.empty());
}

TEST_CASE("maps of the classes that can be read, and what cannot leaves everything open") {
    const auto cf = read(
        "Kvirtuser hash -o /etc/mail/virtusertable\nKmailertable text -f -z: -k0 -v1 /etc/mail/mailertable\n"
        "Kaccess hash /etc/mail/access\nO AliasFile=/etc/mail/aliases, btree:-o /a, text:/b\n");
    REQUIRE(cf.virtusers.size() == 1);
    CHECK(cf.virtusers[0].path == "/etc/mail/virtusertable");
    CHECK(cf.virtusers[0].optional);
    CHECK(cf.mailertable[0].kind == Kind::kText);
    CHECK_FALSE(cf.mailertable[0].fold);
    CHECK(cf.mailertable[0].delimiter == ':');
    REQUIRE(cf.aliases.size() == 3);
    CHECK(cf.aliases[0].kind == Kind::kAliases);
    CHECK(cf.aliases[1].kind == Kind::kDatabase);
    CHECK(cf.aliases[1].optional);
    CHECK(cf.aliases[2].kind == Kind::kText);
    CHECK(cf.open.empty());
    for (const auto* const hidden :
         {"Kvirtuser ldap -k x", "Kmailertable dbm /m", "O AliasFile=ldap:x", "O AliasFile=/a, nis:mail.aliases",
          "Kvirtuser hash -S /x", "O MatchGECOS=True", "O UserDatabaseSpec=/u.db", "O MailboxDatabase=ldap",
          "OA/etc/aliases", "DLlocal:catch", "DHhub.test", "DRrelay.test", "C{LDAPRoute}x",
          "SParseLocal=98\nR$*\t$: $1", "SLocal_localaddr\nR$+\t$: $1", "SX\nR$+ < @ $=w . >\t$#cyrus $: $1"})
        CHECK_MESSAGE(read(hidden).open.size() == 1, hidden);
    for (const auto* const harmless :
         {"SParseLocal=98\nSOther\nR$*\t$: $1", "DL", "O MatchGECOS=False", "O MailboxDatabase=pw",
          "#O UserDatabaseSpec=/u", "SX\nR$+ < @ $=w . >\t$#local $: $1", "SX\nR$+ < @ $=w . >\t$: $1"})
        CHECK_MESSAGE(read(harmless).open.empty(), harmless);
}

TEST_CASE("the local mailer's flags") {
    const auto without = parse_sendmail_cf("SParse0\nSParse1\nMlocal, P=x, F=lsDFM\nO AliasFile=/a\nDLx", "h");
    REQUIRE(without);
    CHECK(without->aliases.empty());
    CHECK_FALSE(without->users);
    CHECK(without->open.size() == 1);  // no flag w; no flag 5, so DL does nothing
    CHECK(parse_sendmail_cf("Mlocal, P=x, F=lAw5", "h")->open.size() == 1);
    CHECK_FALSE(parse_sendmail_cf("", "h"));
    CHECK_FALSE(parse_sendmail_cf("Mprog, P=/bin/sh, F=l\n", "h"));
    CHECK_FALSE(parse_sendmail_cf(std::string(SendmailCf::kMaxSize + 1, 'x'), "h"));
}

TEST_CASE("names below the virtual domains, where the rules ask for them") {
    CHECK(read("R<!> $+ < @ $* $={VirtHost} . >\t$: < $(virtuser $1 @ $2 $3 $@ $1 $: @ $) > $1").virtual_below);
    CHECK_FALSE(read("R<!> $+ < @ $={VirtHost} . >\t$: < $(virtuser $1 @ $2 $@ $1 $: @ $) > $1").virtual_below);
    CHECK_FALSE(read("R$* < @ $* $={VirtHost} > $*\t$: $1").virtual_below);
}

TEST_CASE("the domain of a user without one: what is masqueraded as, else the only local domain, else the host's") {
    const auto home = [](const std::string& text) {
        const auto cf = read(text);
        return home_domain(cf, cf.local.words);
    };
    CHECK(home("") == "mx.example.test");
    CHECK(home("Cw example.test [192.0.2.1]\n") == "example.test");
    CHECK(home("Cw example.test other.test\n") == "mx.example.test");
    CHECK(home("Cw example.test other.test\nDMOther.test\n") == "other.test");
    CHECK(home("Cw example.test\nDMfar.test\n") == "example.test");
}
