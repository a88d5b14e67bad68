// [ldap NAME] and [login NAME]: the directories that know addresses, and the servers that check passwords.
//
// Names of hosts are fine here, unlike elsewhere: who asks these servers waits on a thread of its own, and a
// certificate is for a name. No password ever stands in the settings, only where it is to be found.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace config {

// off: in the clear. starttls: begun in the clear, then encrypted or given up. tls: encrypted from the first octet.
enum class Encryption : std::uint8_t { kOff, kStartTls, kTls };
enum class LdapScope : std::uint8_t { kSub, kOne };
enum class LoginType : std::uint8_t { kLdap, kSmtp, kPop3, kImap };
std::string_view to_string(LoginType type);

struct HostPort {
    std::string host;        // a name, or an address without brackets
    std::uint16_t port = 0;  // 0: the protocol's own
    bool operator==(const HostPort&) const = default;

    [[nodiscard]] bool loopback() const;
    // "mail.example.test:143", "[2001:db8::1]:143"; without a port when it has none.
    [[nodiscard]] std::string to_string() const;
};

inline constexpr std::size_t kMaxHosts = 16;

// "ldap1.example.test 192.0.2.1:3268 [2001:db8::1]:389", separated by blanks or commas, in order of preference. Error
// names the item; an empty list is an error, and so is a host that is named twice.
base::Result<std::vector<HostPort>> parse_hosts(std::string_view text);

// Words separated by blanks or commas: attributes, names of sections.
std::vector<std::string> parse_words(std::string_view text);

// An attribute of a directory: RFC 4512 section 1.4 descr or numericoid, perhaps with options.
bool is_attribute_name(std::string_view text);

struct ServerTls {
    Encryption mode = Encryption::kOff;
    bool verify = true;   // that the certificate comes from ca_file, is in force and is for the host
    std::string ca_file;  // PEM
    bool operator==(const ServerTls&) const = default;
};

// Where a password with which we log in somewhere is to be found; neither: there is none.
struct PasswordPlace {
    std::string file;      // its first line
    std::string variable;  // of the environment
    bool operator==(const PasswordPlace&) const = default;
};

// [ldap NAME]
struct LdapDirectory {
    std::string name;               // as it is written
    std::string server;             // as it is written
    std::vector<HostPort> servers;  // the same, filled in by parse()
    ServerTls tls;
    std::string base_dn;
    LdapScope scope = LdapScope::kSub;
    std::string bind_dn;  // empty: nobody in particular (anonymous)
    PasswordPlace bind_password;
    std::string filter;  // a template: filter_template.hpp
    std::string mailbox_attributes;
    std::string alias_attributes;
    bool referrals = false;
    unsigned page_size = 0;
    unsigned max_connections = 0;            // to the directory, and threads
    unsigned max_waiting = 0;                // look-ups
    std::chrono::seconds connect_timeout{};  // to one server: connecting, TLS and the bind of bind_dn
    std::chrono::seconds timeout{};          // of one look-up, waiting and all servers together
    bool operator==(const LdapDirectory&) const = default;
};

// [login NAME]
struct LoginServer {
    std::string name;  // as it is written
    LoginType type = LoginType::kLdap;
    std::string directory;          // type=ldap: NAME of [ldap NAME]
    std::string filter;             // type=ldap: a template; empty: that of the directory
    std::string server;             // the other types: as it is written
    std::vector<HostPort> servers;  // the same, filled in by parse()
    ServerTls tls;
    bool strip_domain_name = false;
    std::string control_user;  // known to be good: whether a refusal can be believed; empty: it always is
    PasswordPlace control_password;
    std::chrono::seconds timeout{};
    bool operator==(const LoginServer&) const = default;
};

struct Settings;
class DomainIndex;
// The NAMEs of the [login NAME] sections that are asked about an address, in their order. `domains` is made from
// `settings`.
std::vector<std::string> login_names(const Settings& settings, const DomainIndex& domains, std::string_view address);

}  // namespace config
