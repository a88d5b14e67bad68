// Settings: every value of sandwich.ini, typed and checked. Made whole by parse() (load.hpp) or not at all.
//
// The declared table (settings_table.hpp) says for each its section, key, kind, range, default and documentation; the
// parser, etc/sandwich.ini, --print-config and the manual page all come from that table. The initialisers here are no
// defaults: they only keep a value that nobody has filled in from being undefined or unsafe. parse("") has the
// defaults.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "config/directory_settings.hpp"
#include "config/domains.hpp"
#include "config/original.hpp"
#include "config/recipient_sources.hpp"
#include "config/scanner_servers.hpp"
#include "net/address.hpp"
#include "net/tls.hpp"
#include "policy/contents.hpp"
#include "policy/decision.hpp"

namespace config {

// What is done with a text that holds a CR or LF by itself.
enum class BareNewline : std::uint8_t { kNormalize, kReject };

// [socket_N]
struct ListenSocket {
    net::Endpoint address;  // proxy_addr, proxy_port
    bool operator==(const ListenSocket&) const = default;
};

// [scanner.clamd NAME], [scanner.icap NAME], [scanner.check NAME]: a scanner beside the workers.
struct OtherScanner {
    ScannerKind kind = ScannerKind::kClamd;
    std::string name;  // as it is written
    bool enable = true;
    std::string server;                  // as it is written: addresses, or URLs of an ICAP service
    std::vector<ScannerServer> servers;  // the same, filled in by parse(); not of a check program
    IcapMethod method = IcapMethod::kRespmod;
    std::string program;  // of a check program: absolute path and arguments, separated by blanks
    MessageAs message = MessageAs::kInput;
    policy::Actions actions;
    std::chrono::seconds max_signature_age{};  // of clamd; 0: any age
    std::chrono::seconds timeout{};            // from the request to the answer, all servers together
    unsigned max_connections = 0;              // to one server at the same time; of a check program: processes
    bool operator==(const OtherScanner&) const = default;

    // What it is called in results, log and rules: "clamd NAME".
    [[nodiscard]] std::string id() const { return std::string(to_string(kind)) + " " + name; }
};

enum class UpstreamTls { kNo, kOptional, kRequired };

struct Settings {
    // [general]
    std::string user;
    std::string scan_user;
    std::string group;  // of the control socket
    std::string pid_file;
    std::string control_socket;
    std::string spool_directory;       // unlinked files of messages above 1 MiB
    unsigned threads = 0;              // event loops; 0: one per core, at most 4
    std::string login;                 // NAMEs of [login NAME], in the order in which they are asked
    unsigned login_user_attempts = 0;  // of one user, in ten minutes, that did not succeed
    unsigned login_attempts = 0;       // of all users, in a minute

    // [socket_N]; never empty
    std::vector<ListenSocket> sockets;

    // [smtp]
    std::string smtp_greeting_msg;  // printable ASCII, at most 200 octets
    net::AddressList smtp_allow_client_ip;
    net::AddressList smtp_pipelining_client_ip;  // may send RSET or MAIL before the end of data is answered
    BareNewline bare_newline = BareNewline::kNormalize;
    net::AddressList smtp_xclient_client_ip;
    bool downstream_xforward = false;
    std::string proxy_hostname;             // filled in by parse(), when not given: "sandwich." + host name
    net::ServerList downstream_servers;     // as they are written
    std::uint16_t downstream_port = 0;      // of those that are written without
    std::vector<net::Endpoint> downstream;  // both together, filled in by parse(); never empty; several: fail-over
    std::string postmaster;                 // forward-path of notices
    std::uint64_t message_size_limit = 0;   // octets
    unsigned max_connections = 0;
    unsigned max_connections_per_client = 0;  // of one address; 0: no limit
    unsigned max_connection_rate = 0;         // of one address, new ones in a minute; 0: no limit
    unsigned max_commands = 0;                // of one session
    unsigned max_errors = 0;                  // of one session; the next bad command ends it
    unsigned max_recipients = 0;
    std::uint64_t max_header_size = 0;                  // octets
    unsigned max_header_fields = 0;                     // lines that begin no field count as one each
    std::uint64_t message_memory = 0;                   // octets of all messages in memory
    std::uint64_t spool_disk_floor = 0;                 // octets; 0: no limit
    std::chrono::seconds command_timeout{};             // upstream: for each command, and to read our replies
    std::chrono::seconds data_timeout{};                // upstream: between two reads within DATA
    std::chrono::seconds data_total_timeout{};          // upstream: for all of a message's text
    std::chrono::seconds session_timeout{};             // upstream: for a session, unless we owe an answer or take text
    std::chrono::seconds downstream_connect_timeout{};  // TCP connect and greeting, each
    std::chrono::seconds downstream_command_timeout{};  // EHLO, MAIL, RCPT, DATA, each
    std::chrono::seconds downstream_final_timeout{};    // after the final dot
    std::chrono::seconds disposal_timeout{};            // from the decision to the start of a message's last delivery
    unsigned downstream_idle_seconds = 0;               // how long an idle pooled connection is kept; 0: not at all
    unsigned downstream_max_messages = 0;               // per pooled connection
    std::string original;                               // as it is written; empty: the servers above count
    std::vector<std::string> original_command;  // filled in by parse(): then `downstream` is one that is_command()
    std::string original_user;                  // whom the command runs as
    unsigned original_max_processes = 0;        // of the command, at the same time

    // [tls]; paths are empty where nothing is given. The supervisor alone opens them (tls_files.hpp).
    struct Tls {
        UpstreamTls upstream = UpstreamTls::kNo;
        std::string certificate;
        std::string key;
        net::tls::Version minimum_version = net::tls::Version::k12;
        net::tls::ClientCertificates client_certificates = net::tls::ClientCertificates::kNo;
        std::string client_ca_file;
        DownstreamTls downstream = DownstreamTls::kNone;
        std::string downstream_ca_file;
        std::string downstream_name;
        std::string downstream_fingerprint;  // as given; see fingerprint_digits()
        bool operator==(const Tls&) const = default;
    } tls;

    // [worker]
    unsigned worker_count = 0;                  // 0: one per core
    std::chrono::seconds scan_timeout{};        // of one scan
    std::chrono::seconds scan_total_timeout{};  // waiting and scanning; never less than scan_timeout
    unsigned scan_queue = 0;                    // messages waiting
    unsigned worker_crash_limit = 0;            // workers one message may cost; 0: no limit
    std::uint64_t worker_memory_limit = 0;      // RLIMIT_AS on top of what the engine takes, octets
    std::uint64_t worker_tmp_size = 0;          // octets of each worker's tmpfs
    bool sandbox = true;

    // [scanner.clamav]
    struct Clamav {
        bool enable = true;
        std::string database;
        bool allow_test_signatures = false;
        std::string test_signatures;  // directory; filled in by parse(), when not given: DATADIR/test-signatures
        policy::Actions actions;
        std::chrono::seconds max_signature_age{};  // 0: any age
        std::uint64_t max_file_size = 0;           // CL_ENGINE_MAX_FILESIZE, octets
        std::uint64_t max_scan_size = 0;           // CL_ENGINE_MAX_SCANSIZE
        unsigned max_recursion = 0;                // CL_ENGINE_MAX_RECURSION
        unsigned max_files = 0;                    // CL_ENGINE_MAX_FILES
        unsigned remember_clean = 0;               // files; 0: none
        std::chrono::seconds watch_interval{};     // 0: signatures are loaded at SIGHUP only
        bool operator==(const Clamav&) const = default;
    } clamav;

    // In the order of the file.
    std::vector<OtherScanner> other_scanners;

    // [content]
    policy::ContentLimits content_limits;
    policy::Actions content_actions{std::nullopt, std::nullopt};  // nothing is ever found there
    policy::LimitActions content_limit_actions;

    // [policy]
    std::string policy_file;       // empty: none
    std::string policy_directory;  // empty: none
    policy::PolicyPtr policy;      // what stands in them, filled in by whoever reads them; null: nothing

    // [directory]: which recipients exist
    struct Directory {
        std::string domains;  // as they are written: patterns
        std::string sources;  // of those domains, as they are written
        policy::RecipientChoices choices;
        std::uint64_t cache_entries = 0;  // 0: none
        std::chrono::seconds cache_known{};
        std::chrono::seconds cache_unknown{};
        unsigned max_lookups = 0;         // at the same time
        unsigned unknown_per_minute = 0;  // of one client, before its answers are slowed; 0: never
        std::chrono::seconds unknown_delay{};
        std::string socketmap;                 // as it is written; empty: nowhere
        SocketmapAddress socketmap_address{};  // the same, filled in by parse()
        std::vector<std::string> patterns{};   // the domains, filled in by parse()
        RecipientCheck check{};                // of them, filled in by parse()
        bool operator==(const Directory&) const = default;
    } directory;

    // [source.KIND NAME], in the order of the file
    std::vector<RecipientSource> sources;

    // [ldap NAME] and [login NAME], in the order of the file
    std::vector<LdapDirectory> ldap_directories;
    std::vector<LoginServer> login_servers;

    // [recipients PATTERN], in the order of the file
    std::vector<policy::RecipientRule> recipients;

    // [domain NAME], in the order of the file
    std::vector<Domain> domains;

    // [routing]
    std::string domain_file;      // empty: none
    DomainListPtr domain_list;    // what stands in it, filled in by whoever reads it; null: nothing
    net::ServerList dns_servers;  // empty: those of resolv.conf(5)
    std::chrono::seconds dns_timeout{};
    unsigned max_routes_per_message = 0;

    // [quarantine]
    std::string quarantine_path;
    unsigned quarantine_expire_days = 0;      // 0: never
    std::uint64_t quarantine_max_size = 0;    // octets; 0: no limit
    std::uint64_t quarantine_disk_floor = 0;  // octets

    // [journal]
    std::string journal_path;
    std::uint64_t journal_max_size = 0;  // octets of both files
    std::chrono::seconds journal_keep{};

    // [explain]
    bool explain_enable = true;
    std::string explain_path;
    std::uint64_t explain_max_size = 0;  // octets
    std::chrono::seconds explain_keep{};

    // [users]
    std::string users_domains;  // as they are written: patterns of domains; empty: the list fills itself with nobody
    std::string users_path;
    unsigned users_max = 0;  // mailboxes and aliases that the list takes by itself

    // [log]
    base::log::Target log_target = base::log::Target::kSyslog;
    std::string log_ident;
    base::log::Level log_level = base::log::Level::kInfo;

    bool operator==(const Settings&) const = default;

    [[nodiscard]] policy::Rules rules() const {
        policy::Rules rules{clamav.enable, clamav.actions, recipients, {}, policy};
        for (const auto& scanner : other_scanners) {
            if (!scanner.enable)
                continue;
            rules.scanning = true;
            rules.scanners.push_back({scanner.id(), scanner.actions});
        }
        rules.clamav = clamav.enable;
        rules.scanners.push_back({std::string(policy::kContentsScanner), content_actions});
        rules.limits = content_limit_actions;
        return rules;
    }
};

// Whether a server is to be met in this way, by [tls] downstream or by a route's own word.
bool any_route_is(const Settings& settings, DownstreamTls tls);

// 64 lower-case hex digits of a SHA-256 that is written with or without colons; empty: it is none.
std::string fingerprint_digits(const std::string& text);

}  // namespace config
