#include "config/check.hpp"

#include <algorithm>
#include <optional>

#include "config/check_directories.hpp"
#include "config/failure_matrix.hpp"
#include "config/settings_table.hpp"
#include "config/spelling.hpp"

namespace config {

namespace {

constexpr auto kError = Diagnostic::Severity::kError;
constexpr auto kWarning = Diagnostic::Severity::kWarning;

// RFC 5321 section 4.5.3.2.6 asks for 10 minutes; below half of that, slow deliveries become double ones.
constexpr std::chrono::seconds kShortFinalTimeout{300};
// Sendmail's Timeout.datafinal, when nobody has set it: our scan and the delivery server's answer must fit in.
constexpr std::chrono::seconds kUpstreamPatience{3600};
constexpr unsigned kSmtpPort = 25;
constexpr std::size_t kLongestDomain = 255;  // octets (RFC 5321 section 4.5.3.1.2)

bool is_local(const net::Address& address, const Machine& machine) {
    return address.loopback() || std::ranges::find(machine.addresses, address) != machine.addresses.end();
}

// A socket on :: may take IPv4 too, depending on the system.
bool covers(const net::Address& listener, const net::Address& address) {
    return listener.any() && (listener.v6() || !address.v6());
}

void check_users(const Settings& s, const Report& report) {
    const Place user{"general", "user"};
    const Place scan_user{"general", "scan_user"};
    if (s.user == s.scan_user)
        report(kError, {scan_user, user},
               "scan_user is the same as user: a scanner that was broken into could reach the mail");
    if (s.user == "root")
        report(kError, {user}, "user is root: what talks to the network must not be");
    if (s.scan_user == "root")
        report(kError, {scan_user}, "scan_user is root: what reads strangers' files must not be");
}

void check_paths(const Settings& s, const Report& report) {
    const std::pair<Place, const std::string*> paths[] = {{{"general", "pid_file"}, &s.pid_file},
                                                          {{"general", "control_socket"}, &s.control_socket},
                                                          {{"general", "spool_directory"}, &s.spool_directory},
                                                          {{"quarantine", "path"}, &s.quarantine_path},
                                                          {{"journal", "path"}, &s.journal_path},
                                                          {{"explain", "path"}, &s.explain_path},
                                                          {{"users", "path"}, &s.users_path}};
    for (const auto* one = std::begin(paths); one != std::end(paths); ++one)
        for (const auto* other = std::begin(paths); other != one; ++other)
            if (*one->second == *other->second)
                report(kError, {one->first, other->first},
                       fmt::format("[{}] {} is the same as [{}] {}", one->first.section, one->first.key,
                                   other->first.section, other->first.key));
}

void check_listeners(const Settings& s, const Report& report) {
    for (std::size_t i = 0; i < s.sockets.size(); ++i) {
        const auto& one = s.sockets[i].address;
        for (std::size_t j = 0; j < i; ++j) {
            const auto& other = s.sockets[j].address;
            const bool shadowed = one.address.v6() == other.address.v6() && (one.address.any() || other.address.any());
            if (one.port == other.port && (one.address == other.address || shadowed))
                report(kError, {{kSocketSection, "proxy_port", i}, {kSocketSection, "proxy_addr", i}},
                       fmt::format("{} is listened on already, by another socket ({})", one.to_string(),
                                   other.to_string()));
        }
        if (!one.address.loopback() && s.smtp_allow_client_ip.loopback_only())
            report(kWarning, {{kSocketSection, "proxy_addr", i}, {"smtp", "smtp_allow_client_ip"}},
                   fmt::format("the socket on {} can be reached from other machines, but smtp_allow_client_ip admits "
                               "only this one",
                               one.to_string()));
    }
}

// Which of our sockets would take the mail that is handed to this server.
std::optional<std::size_t> own_socket(const Settings& s, const Machine& machine, const net::Endpoint& server) {
    for (std::size_t i = 0; i < s.sockets.size(); ++i) {
        const auto& own = s.sockets[i].address;
        if (own.port == server.port && (own.address == server.address || server.address.any() ||
                                        (covers(own.address, server.address) && is_local(server.address, machine))))
            return i;
    }
    return std::nullopt;
}

void check_circle(const Settings& s, const Machine& machine, const Report& report) {
    const Place addr{"smtp", "downstream_smtp_server_addr"};
    const Place port{"smtp", "downstream_smtp_server_port"};
    for (const auto& server : s.downstream) {
        if (is_command(server))
            continue;
        const auto circle = own_socket(s, machine, server);
        if (circle)
            report(kError,
                   {port, addr, {kSocketSection, "proxy_port", *circle}, {kSocketSection, "proxy_addr", *circle}},
                   fmt::format("the delivery server {} is the proxy's own socket {}: mail would go round in a circle",
                               server.to_string(), s.sockets[*circle].address.to_string()));
        if (std::ranges::count(s.downstream, server) > 1 && &server == &*std::ranges::find(s.downstream, server))
            report(kError, {addr, port}, fmt::format("the delivery server {} is named twice", server.to_string()));
        if (!circle && server.address.any())
            report(kError, {addr},
                   fmt::format("{} is no address that a delivery server could have", server.address.to_string()));
        if (!circle && server.port == kSmtpPort && is_local(server.address, machine))
            report(
                kWarning, {port, addr},
                fmt::format("the delivery server {} is port 25 of this machine: if the inbound server listens there, "
                            "mail goes round in a circle",
                            server.to_string()));
    }
}

void check_original(const Settings& s, const Report& report) {
    const Place original{"smtp", "original"};
    if (s.original.empty())
        return;
    if (const auto parsed = parse_original(s.original, s.downstream_port); !parsed)
        report(kError, {original}, fmt::format("original {}", parsed.error().message));
    else if (!parsed->command.empty() && s.tls.downstream != DownstreamTls::kNone)
        report(kWarning, {{"tls", "downstream"}, original},
               "[tls] downstream is of no use with original: a command is spoken to without TLS");
}

void check_user_list(const Settings& s, const Report& report) {
    for (const auto& domain : list_items(s.users_domains)) {
        auto name = std::string_view(domain);
        if (name.starts_with("*."))
            name.remove_prefix(2);
        const bool valid =
            !name.empty() && name.size() <= kLongestDomain && name.front() != '.' &&
            name.find("..") == std::string_view::npos &&
            lower(name).find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-._") == std::string::npos;
        if (!valid)
            report(kError, {{"users", "domains"}},
                   fmt::format("domains: \"{}\" is no domain: write example.test or *.example.test", domain));
    }
}

void check_clients(const Settings& s, const Report& report) {
    const Place allow{"smtp", "smtp_allow_client_ip"};
    if (s.smtp_allow_client_ip == net::AddressList{})
        report(kError, {allow}, "smtp_allow_client_ip is empty: nobody could hand in mail");
    if (s.smtp_xclient_client_ip.admits_everyone())
        report(kWarning, {{"smtp", "smtp_xclient_client_ip"}},
               "smtp_xclient_client_ip admits everyone: whoever reaches a socket can pretend to be any other client");
    if (s.smtp_allow_client_ip.admits_everyone())
        report(kWarning, {allow},
               "smtp_allow_client_ip admits everyone: whoever reaches a socket can relay mail to the whole world");
}

// Sendmail compares the name in our greeting and EHLO reply with its own ($j), which may be the host name in full.
void check_names(const Settings& s, const Machine& machine, const Report& report) {
    const auto& name = s.proxy_hostname;
    const auto first_label = std::string_view(name).substr(0, name.find('.'));
    const bool short_host = machine.host_name.find('.') == std::string::npos;
    if (same(name, machine.host_name) || (short_host && same(first_label, machine.host_name)))
        report(kWarning, {{"smtp", "proxy_hostname"}},
               fmt::format("proxy_hostname {} looks like this machine's own name: Sendmail would take the proxy for "
                           "itself and say that mail loops back",
                           name));
    // Sendmail looks for these very letters.
    if (s.smtp_greeting_msg.find("ESMTP") == std::string::npos)
        report(kWarning, {{"smtp", "smtp_greeting_msg"}},
               "smtp_greeting_msg lacks the word ESMTP: Sendmail then says HELO, and DSN, SIZE and 8BITMIME are lost");
}

void check_times(const Settings& s, const Report& report) {
    const Place scan{"worker", "scan_timeout"};
    const Place total{"worker", "total_timeout"};
    const Place final{"smtp", "downstream_final_timeout"};
    if (s.scan_total_timeout < s.scan_timeout)
        report(kError, {total, scan},
               fmt::format("total_timeout ({}s) is less than scan_timeout ({}s)", s.scan_total_timeout.count(),
                           s.scan_timeout.count()));
    if (s.downstream_final_timeout < kShortFinalTimeout)
        report(
            kWarning, {final},
            fmt::format("downstream_final_timeout is {}s: a delivery server that takes longer has the mail, and gets "
                        "it again",
                        s.downstream_final_timeout.count()));
    if (s.scan_total_timeout + s.downstream_final_timeout >= kUpstreamPatience)
        report(kWarning, {final, total},
               "total_timeout and downstream_final_timeout together reach one hour: the inbound Sendmail gives up by "
               "then (Timeout.datafinal), and sends the mail again");
}

void check_scanners(const Settings& s, const Report& report) {
    for (std::size_t i = 0; i < s.other_scanners.size(); ++i) {
        const auto& scanner = s.other_scanners[i];
        const auto section = section_of(scanner.kind);
        if (!scanner.enable)
            continue;
        if (scanner.kind == ScannerKind::kCheck) {
            if (const auto program = parse_program(scanner.program); !program)
                report(kError, {{section, "program", i}}, fmt::format("program: {}", program.error().message));
        } else if (const auto servers = parse_scanner_servers(scanner.kind, scanner.server); !servers) {
            report(kError, {{section, "server", i}}, fmt::format("server: {}", servers.error().message));
        }
        if (scanner.timeout > s.scan_total_timeout)
            report(kError, {{section, "timeout", i}, {"worker", "total_timeout"}},
                   fmt::format("timeout ({}s) is more than [worker] total_timeout ({}s)", scanner.timeout.count(),
                               s.scan_total_timeout.count()));
    }
}

void check_source_names(const Settings& s, const std::string& text, const Place& place, const Report& report) {
    const auto names = parse_source_names(text);
    if (!names)
        return report(kError, {place}, fmt::format("{}: {}", place.key, names.error().message));
    for (const auto& name : *names) {
        if (name == kUserListSource)
            continue;
        const bool ldap = name.starts_with("ldap ");
        const bool there = ldap
                               ? std::ranges::any_of(s.ldap_directories,
                                                     [&](const auto& one) { return "ldap " + lower(one.name) == name; })
                               : std::ranges::any_of(s.sources, [&](const auto& one) { return one.id() == name; });
        if (!there)
            report(kError, {place},
                   fmt::format("{}: there is no section [{}{}]", place.key, ldap ? "" : "source.", name));
    }
}

void check_directory(const Settings& s, const Report& report) {
    const auto& directory = s.directory;
    const Place domains{"directory", "domains"};
    if (const auto patterns = parse_domain_patterns(directory.domains); !patterns)
        report(kError, {domains}, fmt::format("domains: {}", patterns.error().message));
    if (std::ranges::find(directory.patterns, "*") != directory.patterns.end())
        report(kError, {domains}, "domains: \"*\" is the whole world, whose recipients no source of yours can know");
    if (const auto address = parse_socketmap(directory.socketmap); !address)
        report(kError, {{"directory", "socketmap"}}, fmt::format("socketmap: {}", address.error().message));
    check_source_names(s, directory.sources, {"directory", "sources"}, report);
    if (directory.patterns.empty() != directory.check.sources.empty())
        report(kWarning, {domains, {"directory", "sources"}},
               "[directory] domains and sources are of use only together");
    for (std::size_t i = 0; i < s.domains.size(); ++i) {
        const auto& domain = s.domains[i];
        const Place place{kDomainSection, "recipient_sources", i};
        if (domain.recipients.sources.empty() || same(domain.recipients.sources, kNoSources))
            continue;
        if (domain.name == kDefaultDomain)
            report(kError, {place},
                   "recipient_sources in [domain default]: that is the whole world, whose recipients no "
                   "source of yours can know");
        check_source_names(s, domain.recipients.sources, place, report);
    }
}

void check_sizes(const Settings& s, const Report& report) {
    const Place message{"smtp", "message_size_limit"};
    const Place file{"scanner.clamav", "max_file_size"};
    if (s.message_size_limit > s.clamav.max_file_size)
        report(kWarning, {message, file},
               "message_size_limit is above [scanner.clamav] max_file_size: larger messages are taken, but cannot be "
               "scanned");
    if (s.clamav.max_scan_size < s.clamav.max_file_size)
        report(kWarning, {{"scanner.clamav", "max_scan_size"}, file},
               "max_scan_size is below max_file_size: a single file can be too much");
    if (s.worker_tmp_size < s.clamav.max_file_size)
        report(kWarning, {{"worker", "tmp_size"}, file},
               "[worker] tmp_size is below [scanner.clamav] max_file_size: the largest files cannot be unpacked");
    if (s.quarantine_max_size != 0 && s.quarantine_max_size < s.message_size_limit)
        report(kWarning, {{"quarantine", "max_size"}, message},
               "[quarantine] max_size is below [smtp] message_size_limit: the largest messages can never be held");
}

void check_upstream_tls(const Settings::Tls& tls, const Report& report) {
    const Place upstream{"tls", "upstream"};
    const Place clients{"tls", "client_certificates"};
    const bool asks = tls.client_certificates != net::tls::ClientCertificates::kNo;
    if (tls.upstream != UpstreamTls::kNo) {
        if (tls.certificate.empty())
            report(kError, {upstream}, "[tls] upstream is on, but there is no [tls] certificate");
        if (tls.key.empty())
            report(kError, {upstream}, "[tls] upstream is on, but there is no [tls] key");
    } else if (!tls.certificate.empty() || !tls.key.empty() || asks) {
        report(kWarning, {{"tls", "certificate"}, {"tls", "key"}, clients, upstream},
               "[tls] certificate, key and client_certificates are of no use while [tls] upstream is no");
    }
    if (asks && tls.client_ca_file.empty())
        report(kError, {clients}, "[tls] client_certificates are asked for, but there is no client_ca_file");
    if (!asks && !tls.client_ca_file.empty())
        report(kWarning, {{"tls", "client_ca_file"}, clients},
               "[tls] client_ca_file is of no use while client_certificates is no");
    if (tls.client_certificates == net::tls::ClientCertificates::kRequire && tls.upstream == UpstreamTls::kOptional)
        report(kWarning, {clients, upstream},
               "[tls] client_certificates is require, but upstream is optional: a client without a certificate can do "
               "without TLS");
}

void check_downstream_tls(const Settings& settings, const Report& report) {
    const auto& tls = settings.tls;
    const Place downstream{"tls", "downstream"};
    const Place ca_file{"tls", "downstream_ca_file"};
    const Place name{"tls", "downstream_name"};
    const Place fingerprint{"tls", "downstream_fingerprint"};
    if (!tls.downstream_fingerprint.empty() && fingerprint_digits(tls.downstream_fingerprint).empty())
        report(kError, {fingerprint},
               "downstream_fingerprint must be the SHA-256 of a certificate: 64 hex digits, with or without colons");
    const bool has_proof = !tls.downstream_ca_file.empty() || !tls.downstream_fingerprint.empty();
    if (tls.downstream == DownstreamTls::kVerified && !has_proof)
        report(kError, {downstream},
               "[tls] downstream is verified, but there is neither downstream_ca_file nor downstream_fingerprint");
    if (tls.downstream == DownstreamTls::kVerified && !tls.downstream_name.empty() && tls.downstream_ca_file.empty())
        report(kError, {name, downstream},
               "[tls] downstream_name cannot be verified without downstream_ca_file: anybody can make a certificate "
               "for any name");
    // What stands in a file of domains is not known yet.
    if (!any_route_is(settings, DownstreamTls::kVerified) && has_proof && settings.domain_file.empty())
        report(kWarning, {ca_file, fingerprint, downstream},
               "[tls] downstream_ca_file and downstream_fingerprint are not looked at unless downstream, or the tls= "
               "of a route, is verified");
}

void check_protection(const Settings& s, const Report& report) {
    const bool others = std::ranges::any_of(s.other_scanners, &OtherScanner::enable);
    if (!s.clamav.enable && !others)
        report(kWarning, {{"scanner.clamav", "enable"}}, "ClamAV is off: NOTHING IS SCANNED, all mail is delivered");
    if (s.clamav.allow_test_signatures)
        report(kWarning, {{"scanner.clamav", "allow_test_signatures"}},
               "allow_test_signatures is on: with test signatures NO REAL VIRUS IS FOUND; this is for demonstrations");
    if (!s.sandbox)
        report(kWarning, {{"worker", "sandbox"}},
               "the sandbox is off: a file that breaks into the scanner can reach what scan_user can");
}

}  // namespace

bool any_route_is(const Settings& settings, DownstreamTls tls) {
    const auto has = [tls](const auto& domain) {
        return std::ranges::any_of(domain.routes, [tls](const Route& route) { return route.tls == tls; });
    };
    return settings.tls.downstream == tls || std::ranges::any_of(settings.domains, has) ||
           (settings.domain_list && std::ranges::any_of(*settings.domain_list, has));
}

std::string fingerprint_digits(const std::string& text) {
    constexpr std::size_t kDigits = 64;
    constexpr std::size_t kWithColons = kDigits + kDigits / 2 - 1;
    if (text.size() != kDigits && text.size() != kWithColons)
        return {};
    std::string digits;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text.size() == kWithColons && i % 3 == 2) {
            if (text[i] != ':')
                return {};
            continue;
        }
        digits += text[i];
    }
    digits = lower(digits);
    return digits.find_first_not_of("0123456789abcdef") == std::string::npos ? digits : std::string();
}

void check(const Settings& settings, const Machine& machine, const Report& report) {
    check_users(settings, report);
    check_paths(settings, report);
    check_listeners(settings, report);
    check_circle(settings, machine, report);
    check_original(settings, report);
    check_user_list(settings, report);
    check_clients(settings, report);
    check_names(settings, machine, report);
    check_times(settings, report);
    check_scanners(settings, report);
    check_directory(settings, report);
    check_directories(settings, report);
    check_sizes(settings, report);
    check_upstream_tls(settings.tls, report);
    check_downstream_tls(settings, report);
    check_protection(settings, report);
    check_open_cells(settings, report);
}

base::Status check_route(const Settings& settings, const Machine& machine, const Route& route) {
    const auto& tls = settings.tls;
    if (route.tls == DownstreamTls::kVerified && tls.downstream_ca_file.empty() && tls.downstream_fingerprint.empty())
        return base::error("tls=verified, but there is neither [tls] downstream_ca_file nor downstream_fingerprint");
    // The certificate would have to be for a name that DNS gives: whoever can forge its answers passes.
    if (route.tls.value_or(tls.downstream) == DownstreamTls::kVerified && !tls.downstream_ca_file.empty() &&
        (route.kind == HostKind::kMx || route.kind == HostKind::kSrv))
        return base::error(
            "a server whose name DNS gives cannot be verified by [tls] downstream_ca_file: name the host, "
            "or give the route another tls=");
    if (route.kind != HostKind::kAddress)
        return base::ok();
    const net::Endpoint server{route.address, route.port};
    if (own_socket(settings, machine, server))
        return base::error("{} is the proxy's own socket: mail would go round in a circle", server.to_string());
    if (server.address.any())
        return base::error("{} is no address that a delivery server could have", server.address.to_string());
    return base::ok();
}

std::string warn_route(const Machine& machine, const Route& route) {
    if (route.kind != HostKind::kAddress || route.port != kSmtpPort || !is_local(route.address, machine))
        return {};
    return fmt::format(
        "{}:{} is port 25 of this machine: if the inbound server listens there, mail goes round in a circle",
        route.address.to_string(), route.port);
}

std::vector<std::string> check_domain_list(const Settings& settings, const Machine& machine, const DomainList& list) {
    std::vector<std::string> errors;
    for (const auto& domain : list)
        for (const auto& route : domain.routes)
            if (const auto good = check_route(settings, machine, route); !good && errors.size() < kMaxDiagnostics)
                errors.push_back(
                    fmt::format("{}:{}: error: {}", settings.domain_file, domain.line, good.error().message));
    return errors;
}

std::vector<std::string> check_policy(const Settings& settings, const policy::Policy& policy, const Machine& machine) {
    std::vector<std::string> errors;
    for (const auto& rule : policy.rules) {
        if (!rule.final_action || rule.final_action->detour.server.empty())
            continue;
        const auto servers = net::ServerList::parse(rule.final_action->detour.server);
        for (const auto& server : servers ? servers->with_default(kSmtpPort) : std::vector<net::Endpoint>{})
            if (own_socket(settings, machine, server))
                errors.push_back(fmt::format(
                    "{}: error: [rule {}] hands off to the proxy's own socket {}: mail would go round in a circle",
                    rule.origin, rule.name, server.to_string()));
    }
    return errors;
}

}  // namespace config
