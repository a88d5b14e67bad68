// The declared table of all settings: section, key, kind, range, default, effect and documentation, each once.
//
// The parser, the defaults, etc/sandwich.ini, --print-config and sandwich.ini(5) are all made from it. What a setting
// means together with others is checked in check.cpp. No code elsewhere writes a default.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "config/settings.hpp"

namespace config {

enum class Kind : std::uint8_t {
    kYesNo,
    kNumber,       // whole number; Range
    kOctets,       // number with k, m or g (powers of 1024); Range in octets
    kDuration,     // number with s, m, h or d, alone: seconds; Range in seconds
    kText,         // printable ASCII; Range is its length
    kName,         // user, group or log ident: letters, digits, '-', '_', '.'; Range is its length
    kHostName,     // RFC 5321 Domain; Range is its length
    kMailbox,      // address of a mailbox, or a local part alone; unquoted; Range is its length
    kPath,         // absolute; Range is its length
    kAddress,      // IPv4 or IPv6
    kPort,         // 1 to 65535
    kAddressList,  // addr: items
    kServerList,   // addresses, each perhaps with a port
    kRoute,        // config::Route, or nothing
    kChoice,       // one of Setting::words
};

// When a changed value takes effect.
enum class Effect : std::uint8_t {
    kReload,   // at a reload, for new transactions
    kScanner,  // at a reload, which starts the scanner processes anew
    kRestart,  // only at a restart; a reload that changes it is refused
};

struct Range {
    std::uint64_t least = 0;
    std::uint64_t most = 0;
};

struct Word {
    std::string_view text;
    int value = 0;  // of the field's enumeration
};

// Where in Settings a value lives.
template <typename T>
struct Member {
    T& (*writable)(Settings&);
    const T& (*readable)(const Settings&);
};
using Field =
    std::variant<std::monostate, Member<bool>, Member<unsigned>, Member<std::uint16_t>, Member<std::uint64_t>,
                 Member<std::chrono::seconds>, Member<std::string>, Member<net::Address>, Member<net::AddressList>,
                 Member<net::ServerList>, Member<policy::Actions::Word>, Member<BareNewline>, Member<base::log::Target>,
                 Member<base::log::Level>, Member<UpstreamTls>, Member<DownstreamTls>, Member<net::tls::Version>,
                 Member<net::tls::ClientCertificates>, Member<IcapMethod>, Member<MessageAs>, Member<Encryption>,
                 Member<LdapScope>, Member<LoginType>, Member<policy::WhenUnclear>, Member<UnclearWord>>;

struct Setting {
    std::string_view section;
    std::string_view key;
    Kind kind;
    Effect effect;
    bool in_example;            // stands in etc/sandwich.ini without a comment sign
    std::string_view fallback;  // the default, as it is written in the file
    Range range;
    std::span<const Word> words;     // kChoice
    Field field;                     // monostate: checked and kept nowhere
    std::string_view documentation;  // plain text; the first line is about the setting, others each about one value
    // The word for "nothing is said here", of a field that can be empty: mostly the key or the section that counts
    // then.
    std::string_view same_as{};
};

struct Section {
    std::string_view name;
    std::string_view title;
    std::string_view documentation;
};

// [socket_1], [socket_2] ... are told apart by the parser; the table knows them under this name. Their settings live in
// Settings::sockets.back(): whoever reads or writes several takes them one at a time.
inline constexpr std::string_view kSocketSection = "socket_N";
inline constexpr std::size_t kMaxSockets = 16;

// [recipients PATTERN], in the same way: Settings::recipients.back().
inline constexpr std::string_view kRecipientsSection = "recipients PATTERN";
inline constexpr std::size_t kMaxRecipientSections = 1000;
inline constexpr std::size_t kMaxPattern = 320;  // octets: the longest address there is (RFC 5321 section 4.5.3.1)

// [scanner.clamd NAME] and its like: Settings::other_scanners.back().
inline constexpr std::string_view kClamdSection = "scanner.clamd NAME";
inline constexpr std::string_view kIcapSection = "scanner.icap NAME";
inline constexpr std::string_view kCheckSection = "scanner.check NAME";
inline constexpr std::size_t kMaxOtherScanners = 16;
inline constexpr std::size_t kMaxScannerName = 32;  // octets
// [source.list NAME] and its like: Settings::sources.back().
inline constexpr std::string_view kListSection = "source.list NAME";
inline constexpr std::string_view kMapsSection = "source.maps NAME";
inline constexpr std::string_view kSmtpSection = "source.smtp NAME";
inline constexpr std::string_view kVrfySection = "source.vrfy NAME";
inline constexpr std::size_t kMaxSourceSections = 100;
constexpr std::string_view section_of(SourceKind kind) {
    return kind == SourceKind::kList   ? kListSection
           : kind == SourceKind::kMaps ? kMapsSection
           : kind == SourceKind::kSmtp ? kSmtpSection
                                       : kVrfySection;
}
constexpr std::string_view section_of(ScannerKind kind) {
    return kind == ScannerKind::kClamd ? kClamdSection : kind == ScannerKind::kIcap ? kIcapSection : kCheckSection;
}
// [ldap NAME]: Settings::ldap_directories.back(). [login NAME]: Settings::login_servers.back().
inline constexpr std::string_view kLdapSection = "ldap NAME";
inline constexpr std::string_view kLoginSection = "login NAME";
inline constexpr std::size_t kMaxDirectories = 100;  // sections of each of the two

// [domain NAME], in the same way: Settings::domains.back(). The table knows route_1, route_2 ... as the first of them.
inline constexpr std::string_view kDomainSection = "domain NAME";
inline constexpr std::string_view kFirstRoute = "route_1";

// A section that may stand several times, or not at all: its settings are written and read one section at a time.
constexpr bool repeats(std::string_view section) {
    return section == kSocketSection || section == kRecipientsSection || section == kClamdSection ||
           section == kIcapSection || section == kCheckSection || section == kDomainSection ||
           section == kListSection || section == kMapsSection || section == kSmtpSection || section == kVrfySection ||
           section == kLdapSection || section == kLoginSection;
}

std::span<const Section> sections();  // in the order of the documents
std::span<const Setting> settings_table();

// Null when there is none. Case does not matter.
const Section* find_section(std::string_view name);
const Setting* find_setting(std::string_view section, std::string_view key);

}  // namespace config
