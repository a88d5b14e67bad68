#include "config/domain_table.hpp"

#include "config/table_rows.hpp"

namespace config {
// Of its own, since files of a room are also compiled together.
namespace domain_rows {
namespace {

constexpr std::uint64_t kDay = 24 * 3600;  // seconds
constexpr Range kNoRange{0, 0};
constexpr Range kPathLength{2, 1000};
constexpr Word kWhenUnclear[] = {{"defer", int(policy::WhenUnclear::kDefer)},
                                 {"accept", int(policy::WhenUnclear::kAccept)}};
constexpr Word kUnclearWords[] = {{"directory", int(UnclearWord::kAsDirectory)},
                                  {"defer", int(UnclearWord::kDefer)},
                                  {"accept", int(UnclearWord::kAccept)}};

// clang-format off

constexpr Setting kTable[] = {
    // ---- domain NAME
    {kDomainSection, kFirstRoute,
     Kind::kRoute, Effect::kReload, kCommented, "", kNoRange, kNoWords, std::monostate{},
     "Where the domain's mail goes, as 10 mail1.example.com:19000; more routes are route_2 and so on, at most 16. The "
     "first word is the priority: the least of those whose server answers is used. One that fails is left alone for a "
     "second, then two, up to a minute, and is used again as soon as it answers. The port is 25 if none is given. After "
     "the host may stand weight=N, the share among routes of equal priority (1 to 1000), and tls=WORD in place of [tls] "
     "downstream; verified compares the certificate with the host that the route names, by [tls] downstream_ca_file. "
     "Empty: no route.\n"
     "192.0.2.1, [2001:db8::1]:2525: an address.\n"
     "mail1.example.com: a name, of which all addresses are used alike.\n"
     "mx:example.com: the servers of its MX records, in their order; without any, its own addresses.\n"
     "srv:_smtp._tcp.example.com: the servers, ports and weights of its SRV records, in their order."},

    {kDomainSection, "recipient_sources",
     Kind::kText, Effect::kReload, kCommented, "", {0, 1000}, kNoWords, AT(domains.back().recipients.sources),
     "Who is asked whether a recipient of this domain exists, as list staff, smtp hub: names of [source.KIND NAME] "
     "and [ldap NAME] sections, or users, the user list. Empty: as [directory] says. none: its recipients are not checked."},
    {kDomainSection, "recipient_source_down",
     Kind::kChoice, Effect::kReload, kCommented, "directory", kNoRange, kUnclearWords,
     AT(domains.back().recipients.source_down),
     "What is done while a source is down, of a domain with recipient_sources; directory: source_down of [directory]."},
    {kDomainSection, "recipient_cannot_tell",
     Kind::kChoice, Effect::kReload, kCommented, "directory", kNoRange, kUnclearWords,
     AT(domains.back().recipients.cannot_tell),
     "What is done when no source can tell, of a domain with recipient_sources; directory: cannot_tell of [directory]."},
    {kDomainSection, "login",
     Kind::kText, Effect::kReload, kCommented, "", {0, 1000}, kNoWords, AT(domains.back().login),
     "Who is asked about passwords of this domain's users: names of [login NAME] sections, in their order. Empty: as "
     "login in [general] says."},

    // ---- directory
    {"directory", "domains",
     Kind::kText, Effect::kReload, kCommented, "", {0, 4000}, kNoWords, AT(directory.domains),
     "The domains whose recipients are checked by sources below, as example.com *.example.com. All mail passes here, "
     "also what goes out: name your own domains only. Many domains have sections of their own, or stand in [routing] "
     "domain_file."},
    {"directory", "sources",
     Kind::kText, Effect::kReload, kCommented, "", {0, 1000}, kNoWords, AT(directory.sources),
     "Who is asked about them, in this order, as list staff, maps local, ldap main: names of "
     "[source.KIND NAME] and [ldap NAME] sections, or users: the user list of [users]. Of a domain of which it has "
     "nobody the user list says nothing; of another, whoever is not in it is unknown to it."},
    {"directory", "source_down",
     Kind::kChoice, Effect::kReload, kCommented, "defer", kNoRange, kWhenUnclear, AT(directory.choices.source_down),
     "What is done with a recipient that nobody knows while a source is down; never is it refused for good.\n"
     "defer: 450, and the mail waits with the inbound server.\n"
     "accept: as if it existed; the delivery server has the last word."},
    {"directory", "cannot_tell",
     Kind::kChoice, Effect::kReload, kCommented, "accept", kNoRange, kWhenUnclear, AT(directory.choices.cannot_tell),
     "What is done with a recipient that nobody knows and of whom a source cannot tell (252 to VRFY); the words are "
     "those of source_down."},
    {"directory", "cache_size",
     Kind::kNumber, Effect::kReload, kCommented, "100000", {0, 10000000}, kNoWords, AT(directory.cache_entries),
     "How many answers of mail servers and directories are remembered; what was asked longest ago is forgotten first. "
     "Each takes some 300 octets. Lists and maps are asked each time. A reload forgets all."},
    {"directory", "cache_known",
     Kind::kDuration, Effect::kReload, kCommented, "1h", {0, kDay}, kNoWords, AT(directory.cache_known),
     "How long it is remembered that a recipient exists."},
    {"directory", "cache_unknown",
     Kind::kDuration, Effect::kReload, kCommented, "5m", {0, kDay}, kNoWords, AT(directory.cache_unknown),
     "How long it is remembered that a recipient does not exist: so long a new mailbox may be refused."},
    {"directory", "max_lookups",
     Kind::kNumber, Effect::kReload, kCommented, "1000", {1, 100000}, kNoWords, AT(directory.max_lookups),
     "Recipients that are looked up at the same time. Beyond that the sources count as down."},
    {"directory", "unknown_per_minute",
     Kind::kNumber, Effect::kReload, kCommented, "20", {0, 1000000}, kNoWords, AT(directory.unknown_per_minute),
     "So many unknown recipients of one client in a minute are answered at once; then each refusal waits unknown_delay: "
     "who guesses addresses learns few. The client is the one that the upstream tells of (XCLIENT, XFORWARD, socketmap), "
     "or else the upstream itself. Unknown is whom the sources do not know, and whom the delivery server refuses with "
     "550, 551 or 553 and 5.1.1, 5.1.6 or 5.1.10. 0: nobody waits."},
    {"directory", "unknown_delay",
     Kind::kDuration, Effect::kReload, kCommented, "5s", {1, 60}, kNoWords, AT(directory.unknown_delay),
     "How long such a refusal waits."},
    {"directory", "socketmap",
     Kind::kText, Effect::kRestart, kCommented, "", {0, 107}, kNoWords, AT(directory.socketmap),
     "Where the inbound Sendmail may ask whether a recipient exists (SOCKETMAP), so that it refuses unknown ones at "
     "port 25: a path, as /run/sandwich/socketmap, which every user of the machine may ask, or ADDRESS:PORT, for the "
     "clients of smtp_allow_client_ip. sandwich-cf(8) --socketmap makes the rules. Empty: nowhere."},

    // ---- source.list NAME
    {kListSection, "file",
     Kind::kPath, Effect::kReload, kCommented, "/etc/sandwich/recipients", kPathLength, kNoWords, AT(sources.back().file),
     "The list. user must be allowed to read it. With an error in it, or not there, the source is down."},

    // ---- source.maps NAME
    {kMapsSection, "sendmail_cf",
     Kind::kPath, Effect::kReload, kCommented, "/etc/mail/sendmail.cf", kPathLength, kNoWords,
     AT(sources.back().sendmail_cf),
     "The sendmail.cf that delivers: the distribution's own, or the delivery variant that sandwich-cf made of it."},
    {kMapsSection, "passwd_file",
     Kind::kPath, Effect::kReload, kCommented, "", {0, 1000}, kNoWords, AT(sources.back().passwd_file),
     "A file in the form of passwd(5) whose users count instead of the system's. Empty: the system is asked for its users "
     "(getpwnam), as Sendmail does."},

    // ---- source.smtp NAME
    {kSmtpSection, "server",
     Kind::kServerList, Effect::kReload, kCommented, "127.0.0.1", kNoRange, kNoWords, AT(sources.back().server),
     "The server's address. With several, the first that answers is asked; one that fails is left alone for a second, "
     "then two, up to a minute."},
    {kSmtpSection, "port",
     Kind::kPort, Effect::kReload, kCommented, "25", {1, 65535}, kNoWords, AT(sources.back().port),
     "The port of servers whose address has none with it."},
    {kSmtpSection, "max_connections",
     Kind::kNumber, Effect::kReload, kCommented, "5", {1, 1000}, kNoWords, AT(sources.back().max_connections),
     "Connections to one server at the same time; each asks one recipient after the other."},
    {kSmtpSection, "max_questions",
     Kind::kNumber, Effect::kReload, kCommented, "20", {1, 10000}, kNoWords, AT(sources.back().commands_per_connection),
     "Recipients asked on one connection; then it is opened anew."},
    {kSmtpSection, "timeout",
     Kind::kDuration, Effect::kReload, kCommented, "10s", {1, 300}, kNoWords, AT(sources.back().timeout),
     "How long an answer may take, all servers together. Then the source counts as down for this recipient."},

    // ---- source.vrfy NAME
    {kVrfySection, "server",
     Kind::kServerList, Effect::kReload, kCommented, "127.0.0.1", kNoRange, kNoWords, AT(sources.back().server),
     "The server's address; several as in [source.smtp NAME]."},
    {kVrfySection, "port",
     Kind::kPort, Effect::kReload, kCommented, "25", {1, 65535}, kNoWords, AT(sources.back().port),
     "The port of servers whose address has none with it."},
    {kVrfySection, "max_connections",
     Kind::kNumber, Effect::kReload, kCommented, "5", {1, 1000}, kNoWords, AT(sources.back().max_connections),
     "Connections to one server at the same time."},
    {kVrfySection, "max_questions",
     Kind::kNumber, Effect::kReload, kCommented, "5", {1, 10000}, kNoWords, AT(sources.back().commands_per_connection),
     "VRFY on one connection; then it is opened anew. Sendmail answers the seventh more slowly, and the next ones still "
     "more."},
    {kVrfySection, "timeout",
     Kind::kDuration, Effect::kReload, kCommented, "10s", {1, 300}, kNoWords, AT(sources.back().timeout),
     "How long an answer may take, all servers together. Then the source counts as down for this recipient."},
    {kVrfySection, "trust_plain_550",
     Kind::kYesNo, Effect::kReload, kCommented, "no", kNoRange, kNoWords, AT(sources.back().trust_plain_550),
     "Whether 550 without an enhanced code means unknown, too. Lotus Domino says nothing else; but it says the same of "
     "a mail-in database, which takes mail: so name those in a [source.list NAME] that is asked first. What is \"not a "
     "user\" (a group, a mailing list) stays open, as does any other 5xx."},

    // ---- routing
    {"routing", "domain_file",
     Kind::kPath, Effect::kReload, kCommented, "", {0, 4095}, kNoWords, AT(domain_file),
     "A file with more domains, one a line: the domain, then its routes with semicolons between them, as example.com 10 "
     "mail1.example.com; 20 mail2.example.com. A domain alone has the default's. example.net as example.com: everything "
     "is as in [domain example.com]. The supervising process reads it, with its rights. Empty: there is none."},
    {"routing", "dns_servers",
     Kind::kServerList, Effect::kReload, kCommented, "resolv.conf", kNoRange, kNoWords, AT(dns_servers),
     "Which name servers are asked for the names in routes, as 192.0.2.53 or 192.0.2.53:5353; resolv.conf: those of "
     "resolv.conf(5).", "resolv.conf"},
    {"routing", "dns_timeout",
     Kind::kDuration, Effect::kReload, kCommented, "5s", {1, 60}, kNoWords, AT(dns_timeout),
     "How long a name may take. Then the last good answer is used, or if there never was one, the next route."},
    {"routing", "max_routes_per_message",
     Kind::kNumber, Effect::kReload, kCommented, "8", {1, 32}, kNoWords, AT(max_routes_per_message),
     "On how many different routes the recipients of one message may be. More get 452, and the inbound server sends them "
     "in a message of their own."},
};
// clang-format on

}  // namespace
}  // namespace domain_rows

std::vector<Setting> domain_table() {
    return {std::begin(domain_rows::kTable), std::end(domain_rows::kTable)};
}

}  // namespace config
