#include "config/settings_table.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "config/action_settings.hpp"
#include "config/directory_table.hpp"
#include "config/domain_table.hpp"
#include "config/scanner_table.hpp"
#include "config/spelling.hpp"
#include "config/table_rows.hpp"

namespace config {

namespace {

using Level = base::log::Level;
using Target = base::log::Target;

constexpr std::uint64_t kKilo = 1024;
constexpr std::uint64_t kMega = 1024 * kKilo;
constexpr std::uint64_t kGiga = 1024 * kMega;
constexpr std::uint64_t kTera = 1024 * kGiga;
constexpr std::uint64_t kHour = 3600;  // seconds
constexpr std::uint64_t kDay = 24 * kHour;

constexpr Range kNoRange{0, 0};
constexpr Range kPathLength{2, 1000};
constexpr Range kUserLength{1, 32};  // useradd(8)
constexpr Range kTimeout{1, kHour};

constexpr Word kService[] = {{"SMTP_SERVICE", 0}};
constexpr Word kBareNewlines[] = {{"normalize", int(BareNewline::kNormalize)}, {"reject", int(BareNewline::kReject)}};
constexpr Word kTargets[] = {{"syslog", int(Target::kSyslog)}, {"stderr", int(Target::kStderr)}};
constexpr Word kLevels[] = {{"debug", int(Level::kDebug)},   {"info", int(Level::kInfo)},
                            {"notice", int(Level::kNotice)}, {"warning", int(Level::kWarning)},
                            {"error", int(Level::kError)},   {"critical", int(Level::kCritical)}};
constexpr Word kUpstreamTls[] = {{"no", int(UpstreamTls::kNo)},
                                 {"optional", int(UpstreamTls::kOptional)},
                                 {"required", int(UpstreamTls::kRequired)}};
constexpr Word kDownstreamTls[] = {{"none", int(DownstreamTls::kNone)},
                                   {"opportunistic", int(DownstreamTls::kOpportunistic)},
                                   {"required", int(DownstreamTls::kRequired)},
                                   {"verified", int(DownstreamTls::kVerified)}};
constexpr Word kTlsVersions[] = {{"1.2", int(net::tls::Version::k12)}, {"1.3", int(net::tls::Version::k13)}};
constexpr Word kClientCertificates[] = {{"no", int(net::tls::ClientCertificates::kNo)},
                                        {"ask", int(net::tls::ClientCertificates::kAsk)},
                                        {"require", int(net::tls::ClientCertificates::kRequire)}};

// clang-format off
constexpr Section kSections[] = {
    {kSocketSection, "Where mail comes in",
     "One section for each socket: [socket_1], [socket_2] and so on, at most 16. Without any, the proxy listens on "
     "127.0.0.1 port 18000. Whoever reaches a socket and is in smtp_allow_client_ip can send mail to the whole "
     "world: keep it on loopback, or on an address that only your own servers reach."},
    {"smtp", "SMTP",
     "The conversation with the inbound Sendmail, which hands in the mail, and with the delivery server, which "
     "takes it. Nothing is queued between the two: what cannot be taken now is deferred, and waits in the inbound "
     "queue."},
    {"scanner.clamav", "Viruses",
     "The scanner is libclamav; freshclam(1) keeps its signatures up to date."},
    {kClamdSection, "clamd, beside the scanner processes",
     "A ClamAV daemon that is asked over its socket (INSTREAM), on this machine or another: for signatures and memory of "
     "its own. NAME tells several such sections apart; there are at most 16 sections of clamd, icap and check together. "
     "All scanners look at every message at the same time. What one finds counts; that one cannot tell counts more than "
     "that another found nothing. clamd's StreamMaxLength must not be less than message_size_limit."},
    {kIcapSection, "Scanners that speak ICAP",
     "Most commercial engines offer RFC 3507. The whole message is sent as message/rfc822. 204 means clean, a threat "
     "that is named (X-Infection-Found and the like) or an altered message means found. The service must be set up to look "
     "into every type of file: what it passes by it calls clean."},
    {kCheckSection, "Programs of your own",
     "A program that is started for each message and says in one line what it thinks of it: see CHECK PROGRAMS in "
     "sandwichd(8). It runs as scan_user, without network, without environment, in an empty directory of its own."},
    {kRecipientsSection, "Recipients with actions of their own",
     "One section for each pattern of recipients: [recipients bob@example.test], [recipients *@lists.example.test], "
     "[recipients example.test], [recipients *.example.test]. A pattern without @ is about the domain. The first section "
     "whose pattern matches counts. When the recipients of one message are to be treated differently, each group is, one "
     "after the other; a message is refused only when it is refused for all of them, unless the inbound server speaks "
     "LMTP."},
    {kDomainSection, "Domains and their routes",
     "One section for each domain with a way of its own: [domain example.com]; [domain *.example.com] is about every "
     "name below example.com that has no section of its own, [domain default] about all others. NAME is written in "
     "ASCII (xn--...). A domain without a route of its own goes where the default's mail goes: to the routes of "
     "[domain default], or else to [smtp] downstream_smtp_server_addr. Recipients of one message whose routes differ "
     "are asked for, and delivered, on each route."},
    {"routing", "Finding the routes",
     "What all domains have in common."},
    {"directory", "Which recipients exist",
     "Whether a recipient exists is asked before any text is taken: 550 5.1.1 for one that does not. Several sources are "
     "asked in their order; the first that knows the address wins, and a recipient is unknown only when one says so and "
     "none of the others knows it, is down or cannot tell. A domain is checked that [directory] domains names, or that "
     "has recipient_sources in its own section. sandwichctl(8) recipient asks all sources and shows what each says."},
    {kListSection, "Recipients: a list kept by hand",
     "A file with an address or @domain on each line; # begins a comment. A second address on a line is the mailbox that "
     "the first one belongs to. It is read anew when it has changed. NAME tells several such sections apart."},
    {kMapsSection, "Recipients: Sendmail's own maps",
     "Aliases, virtusertable, mailertable, local host names, relay domains and the system's users, where and as the "
     "sendmail.cf that is named says, text or compiled; read anew when one of them has changed. user must be allowed to "
     "read them: on Debian, be in the group smmsp. Where something else makes users exist (LUSER_RELAY, MAIL_HUB, LDAP, "
     "rules of your own), it knows whom the maps show, and cannot tell of others."},
    {kSmtpSection, "Recipients: a mail server, asked by RCPT",
     "For a domain whose mail is delivered by other ways than the server that knows its mailboxes. MAIL from <>, RCPT "
     "and RSET, never a text. Only 550, 551 and 553 with 5.1.1, 5.1.6 or 5.1.10 mean unknown; 4xx means that the server "
     "is down, any other 5xx that it cannot tell. The delivery server itself need not be a source: it is asked for each "
     "recipient in any case."},
    {kVrfySection, "Recipients: a mail server, asked by VRFY",
     "250 means known, 550 5.1.1 unknown; 252, 502 and a 550 without an enhanced code that the server cannot tell: "
     "Sendmail with novrfy in PrivacyOptions, for instance. For Lotus Domino see trust_plain_550. Sendmail slows down "
     "after some VRFY on one connection, so few are asked on each."},
    {"content", "What is in a message",
     "Bounds of looking into a message: its parts, the members of archives, what documents hold. A message that goes "
     "over one of them is looked at up to there. What is done then, each limit may say for itself. Nobody looks where "
     "neither ClamAV is on nor there is a policy."},
    {"policy", "Content policy",
     "Rules about who may send what to whom, and what is done with a message that breaks them: see sandwich-policy(5). "
     "The supervising process reads the files, with its rights."},
    {kLdapSection, "Directories",
     "LDAP servers that know who the mailboxes are: OpenLDAP, Active Directory and the like. One section for each "
     "directory; NAME is what other settings call it. Other threads than those of the mail ask it. What a directory does "
     "not tell, because it cannot be reached, does not let its user in, or has no base_dn, is never taken for \"no "
     "such address\"."},
    {kLoginSection, "Log-in",
     "Servers that know passwords: a directory, or the mail server itself. Whoever logs in types the whole address and "
     "the password, and the server is asked each time: nothing is kept. Those that login in [general], or in the "
     "section of the user's domain, names are asked one after the other, until one lets the user in, or a directory that "
     "has the address says that the password is wrong; so each of them may see the password. When a server that could "
     "know better does not answer, the answer is \"try again later\", never \"wrong password\". sandwichctl auth-test "
     "tries it."},
    {"quarantine", "Quarantine",
     "Where messages are held. sandwichctl(8) lists, shows, releases and deletes them."},
    {"journal", "Journal",
     "What was done with each recipient of each message: when the inbound server loses an answer and sends a message "
     "again, those who have it do not get it twice. A retry is known by its reverse-path, its recipient, the inbound "
     "server's name and queue id in the topmost Received field, and every octet below that field."},
    {"explain", "Explanations",
     "Why what was done with each message: what the scanners said, what is in it, which rules were tried for each "
     "recipient, what each of their conditions saw, and what was decided. sandwichctl(8) why shows it. It holds addresses, "
     "file names and short excerpts of what expressions have found."},
    {"users", "Users",
     "The list of mailboxes, with their aliases and settings of their own. It fills itself with the recipients that the "
     "delivery server accepts; sandwichctl(8) users shows and changes it. Mail does not depend on it: when it cannot be "
     "written, mail goes on. Only where rules ask for settings and none could be read since the start, it waits."},
    {"worker", "Scanner processes",
     "Messages are scanned in processes of their own, which may touch neither the network nor the file system. One "
     "that crashes or takes too long is replaced, and only its message is affected."},
    {"tls", "TLS",
     "Encryption by STARTTLS, on either side. On loopback it protects nothing, so it is off; it is for an inbound or a "
     "delivery server on another machine. The certificate, the key and the CA files are in PEM form. They are read at "
     "the start and at each reload, by the supervising process, with its rights: the key may belong to root and be "
     "readable by nobody else. After a renewal, reload."},
    {"general", "The daemon itself",
     "Users, files and threads."},
    {"log", "Log",
     "One line for each message, in Sendmail's style, and one for each event."},
};

constexpr Setting kTable[] = {
    // ---- general
    {"general", "user",
     Kind::kName, Effect::kRestart, kCommented, "sandwich", kUserLength, kNoWords, AT(user),
     "The user that the SMTP proxy runs as. It owns the quarantine. Not root."},
    {"general", "scan_user",
     Kind::kName, Effect::kRestart, kCommented, "sandwich-scan", kUserLength, kNoWords, AT(scan_user),
     "The user that the scanner processes run as. Must differ from user, so that a scanner that was broken into "
     "reaches neither mail nor quarantine. Not root."},
    {"general", "group",
     Kind::kName, Effect::kRestart, kCommented, "sandwich", kUserLength, kNoWords, AT(group),
     "The group of the control socket: its members may use sandwichctl(8)."},
    {"general", "pid_file",
     Kind::kPath, Effect::kRestart, kCommented, "/run/sandwich/sandwichd.pid", kPathLength, kNoWords, AT(pid_file),
     "The file that holds the number of the supervising process."},
    {"general", "control_socket",
     Kind::kPath, Effect::kRestart, kCommented, "/run/sandwich/control", {2, 107}, kNoWords, AT(control_socket),
     "The socket that sandwichctl(8) talks to. The system allows no longer path than this."},
    {"general", "spool_directory",
     Kind::kPath, Effect::kRestart, kCommented, "/var/spool/sandwich", kPathLength, kNoWords, AT(spool_directory),
     "Where messages above 1.125 MiB are kept while they pass, in files without a name: nothing is left after a crash, "
     "and nothing there is a queue. When it is full, mail is deferred with 452 and waits in the inbound queue."},
    {"general", "threads",
     Kind::kNumber, Effect::kRestart, kCommented, "0", {0, 64}, kNoWords, AT(threads),
     "How many threads carry the SMTP sessions. 0: one for each two processor cores, but not more than 4."},
    {"general", "login",
     Kind::kText, Effect::kReload, kCommented, "", {0, 1000}, kNoWords, AT(login),
     "The NAMEs of the sections [login NAME] that check passwords, separated by blanks, in the order in which they are "
     "asked. Empty: nobody can log in."},
    {"general", "login_user_attempts",
     Kind::kNumber, Effect::kReload, kCommented, "10", {1, 1000}, kNoWords, AT(login_user_attempts),
     "How many wrong passwords one user may try in ten minutes; further ones are answered with \"try again later\", and "
     "no server is asked. One that a server has refused counts even where nobody can tell whether it is wrong. They "
     "are counted within the process that asks: each call of sandwichctl auth-test begins anew."},
    {"general", "login_attempts",
     Kind::kNumber, Effect::kReload, kCommented, "600", {1, 100000}, kNoWords, AT(login_attempts),
     "How many passwords are checked in a minute, of all users together, counted within one process as well."},

    // ---- socket_N
    {kSocketSection, "proxy_service",
     Kind::kChoice, Effect::kRestart, kActive, "SMTP_SERVICE", kNoRange, kService, std::monostate{},
     "What is spoken on this socket. There is only this one service."},
    {kSocketSection, "proxy_addr",
     Kind::kAddress, Effect::kRestart, kActive, "127.0.0.1", kNoRange, kNoWords, AT(sockets.back().address.address),
     "The address to listen on, IPv4 or IPv6. 0.0.0.0 or :: are all addresses of the machine."},
    {kSocketSection, "proxy_port",
     Kind::kPort, Effect::kRestart, kActive, "18000", {1, 65535}, kNoWords, AT(sockets.back().address.port),
     "The port to listen on."},

    // ---- smtp
    {"smtp", "smtp_greeting_msg",
     Kind::kText, Effect::kReload, kActive, "Sandwich ESMTP proxy", {1, 200}, kNoWords, AT(smtp_greeting_msg),
     "What follows 220 and the host name when a client connects. It should contain ESMTP: without that word "
     "Sendmail says HELO, and delivery notifications, SIZE and 8BITMIME are lost."},
    {"smtp", "smtp_allow_client_ip",
     Kind::kAddressList, Effect::kReload, kActive, "addr:127.0.0.1 addr:::1", kNoRange, kNoWords,
     AT(smtp_allow_client_ip),
     "Who may connect: addresses and networks, as addr:127.0.0.1 addr:10.1.0.0/16 addr:2001:db8::/32, with blanks "
     "or commas between them. Everybody else gets 421 and is logged. Whoever is listed can relay."},
    {"smtp", "smtp_pipelining_client_ip",
     Kind::kAddressList, Effect::kReload, kCommented, "", kNoRange, kNoWords, AT(smtp_pipelining_client_ip),
     "Clients that may send RSET or MAIL before the end of a message is answered; written as smtp_allow_client_ip. "
     "Sendmail never does it, and QUIT alone is always allowed. Whatever else comes there from anybody else means "
     "that a dot within the text was not doubled (a mailer without the flag X in the inbound sendmail.cf): the "
     "message is held, nothing that follows is carried out, and the connection is closed."},
    {"smtp", "bare_newline",
     Kind::kChoice, Effect::kReload, kCommented, "normalize", kNoRange, kBareNewlines, AT(bare_newline),
     "What is done with a text that holds a CR or LF by itself. Either way none leaves the proxy, and none ends a "
     "message.\n"
     "normalize: LF becomes CR LF, CR becomes a blank.\n"
     "reject: the client gets 550, and a bounce is sent. A message from <> is held instead."},
    {"smtp", "smtp_xclient_client_ip",
     Kind::kAddressList, Effect::kReload, kCommented, "", kNoRange, kNoWords, AT(smtp_xclient_client_ip),
     "Which clients may say, by XCLIENT or XFORWARD, who the real client is: a Postfix in front of the proxy, for "
     "instance. Written like smtp_allow_client_ip. What they say stands in the log as client=. Empty: nobody."},
    {"smtp", "proxy_hostname",
     Kind::kHostName, Effect::kReload, kCommented, "", {0, 255}, kNoWords, AT(proxy_hostname),
     "The name the proxy gives itself in its greeting and in EHLO. It must not be the machine's own name: Sendmail "
     "would take the proxy for itself and say that mail loops back. Empty: the host name, with \"sandwich.\" before "
     "it."},
    {"smtp", "downstream_smtp_server_addr",
     Kind::kServerList, Effect::kReload, kActive, "127.0.0.1", kNoRange, kNoWords, AT(downstream_servers),
     "The address of the delivery server, which takes the scanned mail. With several, at most 16, as 192.0.2.1 "
     "192.0.2.2:2525 [2001:db8::1]:2525, the first one that answers takes all mail. One that fails is left alone for "
     "a second, then two, up to a minute, and is first again as soon as it answers."},
    {"smtp", "downstream_smtp_server_port",
     Kind::kPort, Effect::kReload, kActive, "19000", {1, 65535}, kNoWords, AT(downstream_port),
     "The port of the delivery servers whose address has none with it."},
    {"smtp", "postmaster",
     Kind::kMailbox, Effect::kReload, kCommented, "postmaster", {1, 254}, kNoWords, AT(postmaster),
     "The address that is told when a message was delivered to some of its recipients and had to be held for others. "
     "The delivery server must know it."},
    {"smtp", "message_size_limit",
     Kind::kOctets, Effect::kReload, kCommented, "100m", {64 * kKilo, 2047 * kMega}, kNoWords, AT(message_size_limit),
     "The largest message, in octets. It is offered as SIZE; a larger message is refused with 552."},
    {"smtp", "max_connections",
     Kind::kNumber, Effect::kReload, kCommented, "500", {1, 10000}, kNoWords, AT(max_connections),
     "Sessions at the same time. More get 421, and their mail waits in the inbound queue."},
    {"smtp", "max_connections_per_client",
     Kind::kNumber, Effect::kReload, kCommented, "0", {0, 10000}, kNoWords, AT(max_connections_per_client),
     "Sessions of one address at the same time. More get 421. 0: no limit but max_connections."},
    {"smtp", "max_connection_rate",
     Kind::kNumber, Effect::kReload, kCommented, "0", {0, 1000000}, kNoWords, AT(max_connection_rate),
     "Sessions that one address may begin in a minute. More get 421. Sendmail opens one for almost every message. 0: "
     "no limit."},
    {"smtp", "max_commands",
     Kind::kNumber, Effect::kReload, kCommented, "100000", {100, 1000000000}, kNoWords, AT(max_commands),
     "Commands in one session, for new sessions. The next one gets 421, and the client comes back."},
    {"smtp", "max_errors",
     Kind::kNumber, Effect::kReload, kCommented, "20", {1, 10000}, kNoWords, AT(max_errors),
     "Commands in one session that are unknown, malformed or out of order, for new sessions. The next one gets 421."},
    {"smtp", "max_recipients",
     Kind::kNumber, Effect::kReload, kCommented, "1000", {100, 100000}, kNoWords, AT(max_recipients),
     "Recipients of one message. More get 452, and the client sends them the message in a second transaction."},
    {"smtp", "max_header_size",
     Kind::kOctets, Effect::kReload, kCommented, "1m", {64 * kKilo, 64 * kMega}, kNoWords, AT(max_header_size),
     "The largest header section of a message, in octets. A message with a larger one is refused with 552."},
    {"smtp", "max_header_fields",
     Kind::kNumber, Effect::kReload, kCommented, "10000", {100, 1000000}, kNoWords, AT(max_header_fields),
     "Fields in the header section of a message. A message with more is refused with 552."},
    {"smtp", "message_memory",
     Kind::kOctets, Effect::kReload, kCommented, "1g", {kMega, kTera}, kNoWords, AT(message_memory),
     "How much memory the messages in work may take together. Beyond that a new message gets 452 and waits in the "
     "inbound queue; those begun are finished. Messages above 1.125 MiB are kept on disk and do not count."},
    {"smtp", "spool_disk_floor",
     Kind::kOctets, Effect::kReload, kCommented, "256m", {0, 1024 * kTera}, kNoWords, AT(spool_disk_floor),
     "How much must stay free on the file system of [general] spool_directory. Below, a new message gets 452 and "
     "waits in the inbound queue. 0: no limit."},
    {"smtp", "command_timeout",
     Kind::kDuration, Effect::kReload, kCommented, "5m", kTimeout, kNoWords, AT(command_timeout),
     "How long the proxy waits for the client's next whole command, and for the client to read what it was told. "
     "Then it says 421 and closes."},
    {"smtp", "data_timeout",
     Kind::kDuration, Effect::kReload, kCommented, "3m", kTimeout, kNoWords, AT(data_timeout),
     "How long a client may be silent within a message. Then the session is closed and the client keeps the message."},
    {"smtp", "data_total_timeout",
     Kind::kDuration, Effect::kReload, kCommented, "30m", {1, kDay}, kNoWords, AT(data_total_timeout),
     "How long the text of one message may take, from 354 to the final dot. Then the session is closed and the client "
     "keeps the message."},
    {"smtp", "session_timeout",
     Kind::kDuration, Effect::kReload, kCommented, "1d", {1, 30 * kDay}, kNoWords, AT(session_timeout),
     "How long a session may last. Then it gets 421; a message whose text has begun is finished first."},
    {"smtp", "downstream_connect_timeout",
     Kind::kDuration, Effect::kReload, kCommented, "30s", kTimeout, kNoWords, AT(downstream_connect_timeout),
     "How long the proxy waits for a connection to the delivery server, and again for its greeting. Then the mail "
     "is deferred with 451."},
    {"smtp", "downstream_command_timeout",
     Kind::kDuration, Effect::kReload, kCommented, "2m", kTimeout, kNoWords, AT(downstream_command_timeout),
     "How long the proxy waits for the delivery server's reply to a command. Then the mail is deferred with 451."},
    {"smtp", "downstream_final_timeout",
     Kind::kDuration, Effect::kReload, kCommented, "10m", kTimeout, kNoWords, AT(downstream_final_timeout),
     "How long the proxy waits for the delivery server's reply to a whole message. Then the mail is deferred, "
     "although the delivery server may have taken it: too short a time delivers mail twice."},
    {"smtp", "disposal_timeout",
     Kind::kDuration, Effect::kReload, kCommented, "20m", kTimeout, kNoWords, AT(disposal_timeout),
     "Rules may send one message several ways: copies, and recipients that are treated apart. When so much time has "
     "passed since it was scanned, no further copy or delivery of it is begun: the rest is deferred with 451, and done "
     "at the next try. With total_timeout and downstream_final_timeout it has to stay below what the inbound Sendmail "
     "waits for the reply (Timeout.datafinal, an hour)."},
    {"smtp", "downstream_idle_timeout",
     Kind::kDuration, Effect::kReload, kCommented, "30s", {0, 300}, kNoWords, AT(downstream_idle_seconds),
     "How long a connection to the delivery server is kept for the next message. 0: it is closed after each."},
    {"smtp", "original",
     Kind::kText, Effect::kReload, kCommented, "", {0, 1000}, kNoWords, AT(original),
     "The delivery server as InterScan VirusWall's intscan.ini names it, in place of downstream_smtp_server_addr: a "
     "command that speaks SMTP on its standard streams, as /usr/lib/sendmail -bs -C/etc/mail/delivery.cf (an absolute "
     "path; blanks separate arguments, there are no quotes), or a server as 127.0.0.1 19000. A command is started for "
     "mail when none waits from the mail before; to start it costs more than to connect to a server that runs already, "
     "and what it leaves in its queue needs a queue runner: see sandwich-cf(8). Empty: downstream_smtp_server_addr "
     "counts. Routes of [domain default] come before either."},
    {"smtp", "original_user",
     Kind::kName, Effect::kReload, kCommented, "root", kUserLength, kNoWords, AT(original_user),
     "Whom the command in original runs as, where the daemon is started by root. As root it has the rights of a delivery "
     "Sendmail that runs already, and needs them to run programs in aliases and .forward files as their users. Sendmail "
     "drops its set-group-id as soon as -C names another configuration: so any other user must own the queue directory "
     "of the delivery variant (smmta with Debian's Sendmail). Programs in aliases then run with that user's rights: "
     "allow none, or use root."},
    {"smtp", "original_max_processes",
     Kind::kNumber, Effect::kReload, kCommented, "40", {1, 1000}, kNoWords, AT(original_max_processes),
     "How many processes of the command may run at the same time. Mail beyond waits for one, for "
     "downstream_connect_timeout at most; then it gets 451."},
    {"smtp", "downstream_max_messages",
     Kind::kNumber, Effect::kReload, kCommented, "100", {1, 10000}, kNoWords, AT(downstream_max_messages),
     "Messages over one connection to the delivery server; then a new one is opened."},

    {"smtp", "downstream_xforward",
     Kind::kYesNo, Effect::kReload, kCommented, "no", kNoRange, kNoWords, AT(downstream_xforward),
     "Whether a delivery server that offers XFORWARD, as Postfix does with smtpd_authorized_xforward_hosts, is told "
     "who the real client is, for its log."},

    // ---- tls
    {"tls", "upstream",
     Kind::kChoice, Effect::kReload, kCommented, "no", kNoRange, kUpstreamTls, AT(tls.upstream),
     "Whether clients, that is the inbound Sendmail, are offered STARTTLS.\n"
     "no: it is not offered.\n"
     "optional: Sendmail uses it when it is offered, unless its Try_TLS rules say otherwise.\n"
     "required: without it MAIL gets 530, and a client that cannot do TLS bounces its mail."},
    {"tls", "certificate",
     Kind::kPath, Effect::kReload, kCommented, "", {0, 1000}, kNoWords, AT(tls.certificate),
     "The proxy's certificate for its clients, followed by those of its issuers."},
    {"tls", "key",
     Kind::kPath, Effect::kReload, kCommented, "", {0, 1000}, kNoWords, AT(tls.key),
     "The key of the certificate, without a passphrase."},
    {"tls", "minimum_version",
     Kind::kChoice, Effect::kReload, kCommented, "1.2", kNoRange, kTlsVersions, AT(tls.minimum_version),
     "The oldest version of TLS that a client may use. Older ones than these are broken and not to be had."},
    {"tls", "client_certificates",
     Kind::kChoice, Effect::kReload, kCommented, "no", kNoRange, kClientCertificates, AT(tls.client_certificates),
     "Whether clients are asked for a certificate.\n"
     "no: they are not.\n"
     "ask: what they show is judged and logged (verify=OK, FAIL, or NO when there was none), and changes nothing.\n"
     "require: without one from client_ca_file, TLS fails. Use it with upstream=required, or clients may do without "
     "TLS."},
    {"tls", "client_ca_file",
     Kind::kPath, Effect::kReload, kCommented, "", {0, 1000}, kNoWords, AT(tls.client_ca_file),
     "The authorities whose certificates clients may show."},
    {"tls", "downstream",
     Kind::kChoice, Effect::kReload, kCommented, "none", kNoRange, kDownstreamTls, AT(tls.downstream),
     "Whether the connection to the delivery server is encrypted. Where TLS is demanded and cannot be had, mail is "
     "deferred with 451.\n"
     "none: it is not.\n"
     "opportunistic: if that works; else mail goes in the clear, which is logged. Whoever sits in between can see to "
     "that.\n"
     "required: always, with whatever certificate the server shows: whoever sits in between can show his own.\n"
     "verified: always, and the certificate must be the right one: see the next three."},
    {"tls", "downstream_ca_file",
     Kind::kPath, Effect::kReload, kCommented, "", {0, 1000}, kNoWords, AT(tls.downstream_ca_file),
     "With verified: the authorities one of which must have issued the delivery server's certificate, which must be in "
     "force and be for downstream_name."},
    {"tls", "downstream_name",
     Kind::kHostName, Effect::kReload, kCommented, "", {0, 255}, kNoWords, AT(tls.downstream_name),
     "With downstream_ca_file: the host name that the delivery server's certificate must be for. It is sent along as "
     "the name that is wanted (SNI), in every mode. Empty: the certificate must be for the server's IP address."},
    {"tls", "downstream_fingerprint",
     Kind::kText, Effect::kReload, kCommented, "", {0, 95}, kNoWords, AT(tls.downstream_fingerprint),
     "With verified: the SHA-256 of the delivery server's certificate, 64 hex digits with or without colons, as "
     "openssl x509 -noout -fingerprint -sha256 prints it. Alone, it says all: neither issuer, nor name, nor date are "
     "looked at. Together with downstream_ca_file both must hold."},

    // ---- policy
    {"policy", "policy_file",
     Kind::kPath, Effect::kReload, kCommented, "", {0, 4095}, kNoWords, AT(policy_file),
     "The file with the rules. Empty: there is none."},
    {"policy", "policy_directory",
     Kind::kPath, Effect::kReload, kCommented, "", {0, 4095}, kNoWords, AT(policy_directory),
     "A directory with more of them: what ends in .ini, in the order of the names. Empty: there is none."},

    // ---- quarantine
    {"quarantine", "path",
     Kind::kPath, Effect::kRestart, kActive, "/var/lib/sandwich/quarantine", kPathLength, kNoWords, AT(quarantine_path),
     "The directory of the held messages. It belongs to user and is readable by nobody else."},
    {"quarantine", "expire_days",
     Kind::kNumber, Effect::kReload, kCommented, "30", {0, 36500}, kNoWords, AT(quarantine_expire_days),
     "After how many days a held message is deleted. 0: never."},
    {"quarantine", "max_size",
     Kind::kOctets, Effect::kReload, kCommented, "10g", {0, 1024 * kTera}, kNoWords, AT(quarantine_max_size),
     "How much the held messages may take together. When it is full, what should be held is deferred. 0: no limit."},
    {"quarantine", "disk_floor",
     Kind::kOctets, Effect::kReload, kCommented, "256m", {0, 1024 * kTera}, kNoWords, AT(quarantine_disk_floor),
     "How much must stay free on the quarantine's file system. Below, what should be held is deferred. 0: no limit."},

    // ---- journal
    {"journal", "path",
     Kind::kPath, Effect::kRestart, kCommented, "/var/lib/sandwich/journal", kPathLength, kNoWords, AT(journal_path),
     "The directory of the journal. It belongs to user and is readable by nobody else."},
    {"journal", "max_size",
     Kind::kOctets, Effect::kReload, kCommented, "64m", {kMega, kGiga}, kNoWords, AT(journal_max_size),
     "How much it may take on disk. A delivered recipient takes 128 octets, and about as much memory. What is oldest "
     "is forgotten first."},
    {"journal", "keep",
     Kind::kDuration, Effect::kReload, kCommented, "5d", {kHour, 60 * 24 * kHour}, kNoWords, AT(journal_keep),
     "For how long it remembers at least, as far as max_size permits: as long as the inbound server tries."},

    // ---- explain
    {"explain", "enable",
     Kind::kYesNo, Effect::kReload, kCommented, "yes", kNoRange, kNoWords, AT(explain_enable),
     "Whether explanations are kept."},
    {"explain", "path",
     Kind::kPath, Effect::kRestart, kCommented, "/var/lib/sandwich/why", kPathLength, kNoWords, AT(explain_path),
     "The directory of the explanations. It belongs to user; its group may read it."},
    {"explain", "max_size",
     Kind::kOctets, Effect::kReload, kCommented, "100m", {kMega, 10 * kGiga}, kNoWords, AT(explain_max_size),
     "How much they may take on disk. A message takes about 1 KiB. What is oldest is forgotten first."},
    {"explain", "keep",
     Kind::kDuration, Effect::kReload, kCommented, "14d", {kHour, 366 * kDay}, kNoWords, AT(explain_keep),
     "For how long they are kept, as far as max_size permits."},

    // ---- users
    {"users", "domains",
     Kind::kText, Effect::kReload, kCommented, "", {0, 4000}, kNoWords, AT(users_domains),
     "Whose recipients the list takes by itself, as example.test *.example.test, with blanks or commas between them: "
     "the domains that are delivered here. A recipient is taken when the delivery server accepts it. Empty: the list "
     "does not fill itself."},
    {"users", "path",
     Kind::kPath, Effect::kRestart, kCommented, "/var/lib/sandwich/users", kPathLength, kNoWords, AT(users_path),
     "The directory of the list, an SQLite database. It belongs to user and is readable by nobody else."},
    {"users", "max",
     Kind::kNumber, Effect::kReload, kCommented, "200000", {1, 5000000}, kNoWords, AT(users_max),
     "How many addresses it holds before it takes no more by itself: a server that accepts whatever address is guessed "
     "must not fill the disk."},

    // ---- log
    {"log", "target",
     Kind::kChoice, Effect::kRestart, kCommented, "syslog", kNoRange, kTargets, AT(log_target),
     "Where the log goes: syslog (facility mail) or stderr. With -f it goes to stderr in any case."},
    {"log", "ident",
     Kind::kName, Effect::kRestart, kCommented, "sandwichd", {1, 32}, kNoWords, AT(log_ident),
     "The name the lines carry in syslog."},
    {"log", "level",
     Kind::kChoice, Effect::kReload, kCommented, "info", kNoRange, kLevels, AT(log_level),
     "The least weight that is logged. The line for each message has info: above that it is missing."},
};
// clang-format on

}  // namespace

std::span<const Section> sections() {
    return kSections;
}

std::span<const Setting> settings_table() {
    static const std::vector<Setting> kWhole = [] {
        std::vector<Setting> whole(std::begin(kTable), std::end(kTable));
        for (const auto& more : {domain_table(), scanner_table(), action_settings(), directory_table()})
            whole.insert(whole.end(), more.begin(), more.end());
        return whole;
    }();
    return kWhole;
}

const Section* find_section(std::string_view name) {
    const auto* const found = std::ranges::find_if(kSections, [&](const Section& s) { return same(s.name, name); });
    return found == std::end(kSections) ? nullptr : found;
}

const Setting* find_setting(std::string_view section, std::string_view key) {
    const auto table = settings_table();
    const auto found =
        std::ranges::find_if(table, [&](const Setting& s) { return same(s.section, section) && same(s.key, key); });
    return found == table.end() ? nullptr : &*found;
}

}  // namespace config
