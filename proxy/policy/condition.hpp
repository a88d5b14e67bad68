// What a rule asks of a mail: one question each, over the facts that the scanners and the session have gathered. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mail/envelope.hpp"
#include "policy/scan_report.hpp"
#include "policy/user_setting.hpp"

namespace policy {

// An IP address as 16 octets; IPv4 as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2).
using ClientAddress = std::array<std::uint8_t, 16>;

struct Network {
    ClientAddress address{};
    unsigned prefix = 128;  // bits, 0 to 128; of an IPv4 network 96 more than written

    [[nodiscard]] bool contains(const ClientAddress& other) const;
    bool operator==(const Network&) const = default;
};

// A time of the week, local.
struct Moment {
    unsigned weekday = 0;  // 0: Sunday
    unsigned minute = 0;   // of the day, 0 to 1439

    // Of a local time as <ctime> has it.
    static Moment at(int weekday, int hour, int minute) {
        return {static_cast<unsigned>(weekday), static_cast<unsigned>(hour * 60 + minute)};
    }
};

// Everything that conditions look at. Borrows.
struct Facts {
    const ScanReport& report;
    const mail::Envelope& envelope;
    std::uint64_t size = 0;                 // octets of the mail
    std::optional<ClientAddress> client{};  // where it came from into this site
    std::string_view client_name{};         // what the client calls itself
    Moment moment{};
    std::span<const RecipientSettings> settings{};  // of the envelope's recipients; empty: nobody has any

    [[nodiscard]] RecipientSettings settings_of(std::size_t recipient) const {
        return recipient < settings.size() ? settings[recipient] : RecipientSettings{};
    }
};

struct Condition {
    enum class Kind : std::uint8_t {
        kSet,              // children, with any or all
        kVirus,            // words: patterns of names; none: any
        kCannotTell,       // numbers: Cause; none: any
        kEncrypted,        // a scanner said so, or an item is
        kScanner,          // words[0] the scanner's name; numbers: Outcome
        kMark,             // numbers: Mark; any item that has one of them
        kFileName,         // words: patterns
        kExtension,        // words: without the dot
        kDoubleExtension,  // "invoice.pdf.exe": words: the last extension; none: any program's
        kProgram,          // an item is a program or a script by its content
        kTrueType,         // words: patterns
        kDeclaredType,     // words: patterns
        kTypeMismatch,     // an item is not of the kind that its name or its declared type says
        kCharset,          // words: patterns
        kPartSize,         // of one item; compared
        kMessageSize,      // compared
        kExpandedSize,     // of all members together; compared
        kRecipients,       // how many; compared
        kParts,            // MIME entities; compared
        kFiles,            // members and embedded files; compared
        kLayers,           // compared
        kLimit,            // numbers: ContentLimit; none: any
        kMalformed,        // the mail's construction is beyond what mailers write
        kDefect,           // mask of mail::mime::Defect
        kExpression,       // numbers: indexes of expressions; any of them hit
        kSender,           // words: patterns of reverse-paths
        kClient,           // networks
        kClientName,       // words: patterns
        kHeader,           // fields; words: patterns over the decoded value of one of them
        kMissingHeader,    // fields: one of them is not there
        kRepeatedHeader,   // fields: one of them is there more than once
        kMalformedHeader,  // fields: one of them cannot be read by its standard; none: any field
        kLanguage,         // words: ISO 639-1 codes
        kWriting,          // mask of bits of Writing
        kScannerSays,      // words[0] the scanner's name, then patterns of what it said
        kRatio,            // octets that come out of an archive for each octet of it; compared
    };
    enum class Compare : std::uint8_t { kMore, kLess };

    Kind kind = Kind::kSet;
    bool negated = false;
    bool any = false;  // kSet
    std::vector<Condition> children{};
    std::vector<std::string> words{};   // lower case
    std::vector<std::string> fields{};  // names of header fields, lower case
    std::vector<std::uint32_t> numbers{};
    std::vector<Network> networks{};
    Compare compare = Compare::kMore;
    std::uint64_t number = 0;
    std::uint64_t mask = 0;
    std::string text{};  // as it is written, for explanations
};

// The answer to one condition, with what was seen.
struct Answer {
    bool holds = false;
    std::string seen{};  // printable, at most kMaxSeen octets: "2!invoice.zip!a.exe: application/x-dosexec"
    std::vector<std::size_t> items{};  // that made it hold, ascending; also with a condition that is negated: none
};
inline constexpr std::size_t kMaxSeen = 200;  // octets

// The condition asks for this very result of a scanner, by its name or its cause; a negated one asks for none. So does
// a kSet of which any child does.
bool concerns(const Condition& condition, const ScanResult& result);

// It asks what only a look inside the mail can tell. A kSet by itself asks nothing.
bool is_about_contents(Condition::Kind kind);

// Of a kSet too: its items are those of the children that hold.
Answer ask(const Condition& condition, const Facts& facts);

}  // namespace policy
