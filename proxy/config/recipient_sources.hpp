// Where recipients are looked up: the sources, and which of them are asked about a domain.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "net/address.hpp"
#include "policy/recipient.hpp"

namespace config {

enum class SourceKind : std::uint8_t { kList, kMaps, kSmtp, kVrfy, kLdap };
// Those with sections [source.KIND NAME]; "ldap NAME" is the directory of [ldap NAME], kUserListSource the user list.
inline constexpr SourceKind kSourceKinds[] = {SourceKind::kList, SourceKind::kMaps, SourceKind::kSmtp,
                                              SourceKind::kVrfy};
inline constexpr std::string_view kUserListSource = "users";  // an id without a name: there is one
std::string_view to_string(SourceKind kind);                  // "list", as in [source.list NAME]

// [source.KIND NAME]. What a kind does not use keeps its default.
struct RecipientSource {
    SourceKind kind = SourceKind::kList;
    std::string name;                      // as it is written
    std::string file;                      // of a list
    std::string sendmail_cf;               // of maps
    std::string passwd_file;               // of maps; empty: the system's users (getpwnam)
    net::ServerList server;                // of smtp and vrfy
    std::uint16_t port = 0;                // of those that are written without
    std::vector<net::Endpoint> servers;    // both together, filled in by parse()
    unsigned max_connections = 0;          // to one server at the same time
    unsigned commands_per_connection = 0;  // then it is opened anew
    std::chrono::seconds timeout{};        // for an answer, all servers together
    bool trust_plain_550 = false;          // of vrfy: no such mailbox, also without an enhanced code
    bool operator==(const RecipientSource&) const = default;

    [[nodiscard]] std::string id() const { return std::string(to_string(kind)) + " " + name; }
};

// How the recipients of a domain are checked.
struct RecipientCheck {
    std::vector<std::string> sources;  // ids, in the order in which they are asked; empty: nobody is
    policy::RecipientChoices choices;
    bool operator==(const RecipientCheck&) const = default;
};

// What [domain NAME] says of it, as it is written; "directory" or nothing: as [directory] says.
enum class UnclearWord : std::uint8_t { kAsDirectory, kDefer, kAccept };
inline constexpr std::string_view kNoSources = "none";
struct DomainRecipients {
    std::string sources;  // empty: as [directory] says; "none": recipients are not checked
    UnclearWord source_down = UnclearWord::kAsDirectory;
    UnclearWord cannot_tell = UnclearWord::kAsDirectory;
    std::optional<RecipientCheck> check{};  // all of it, filled in by parse() where `sources` is not empty
    bool operator==(const DomainRecipients&) const = default;
};

struct Settings;
class DomainIndex;
// How recipients of this domain (lower case) are checked; null: they are not. `domains` is made from `settings`.
const RecipientCheck* find_recipient_check(const Settings& settings, const DomainIndex& domains,
                                           std::string_view domain);

// What [directory] and all domains name: ids, each once.
std::vector<std::string> named_sources(const Settings& settings);

// "list staff, smtp hub, users": ids, whether there are such sources or not. Error: a word that can be none, one named
// twice.
base::Result<std::vector<std::string>> parse_source_names(std::string_view text);

// [directory] domains: "example.com *.example.org", lower case. Error names the item.
base::Result<std::vector<std::string>> parse_domain_patterns(std::string_view text);

// [directory] socketmap: a path or ADDRESS:PORT.
struct SocketmapAddress {
    std::string path;                      // empty: TCP, or nothing
    std::optional<net::Endpoint> address;  // empty with an empty path: nothing is listened on
    [[nodiscard]] bool listens() const { return !path.empty() || address; }
    bool operator==(const SocketmapAddress&) const = default;
};
base::Result<SocketmapAddress> parse_socketmap(std::string_view text);

}  // namespace config
