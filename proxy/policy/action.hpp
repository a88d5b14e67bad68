// What can be done with a mail.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace policy {

enum class Action : std::uint8_t {
    kDeliver,
    kTagAndDeliver,    // found, and delivered with X-Sandwich-Verdict saying so
    kDeliverWithMark,  // not known, and delivered with X-Sandwich-Verdict saying so
    kQuarantine,
    kReject,   // 5xx
    kDiscard,  // 250 and gone; always logged
    kDefer,    // 451: the upstream keeps it and tries again
};

std::string_view to_string(Action action);

// Text that is put into what people read of a mail: a disclaimer, a warning ([stamp NAME]). Signed and encrypted mails
// are left alone.
struct Stamp {
    std::string name{};
    bool at_end = true;
    std::string plain{};  // UTF-8, lines end with LF
    std::string html{};   // a fragment, UTF-8; empty: made from `plain`
};

// A mail about a mail ([notice NAME]). Subject and text are templates (notice_text.hpp).
struct Notice {
    std::string name{};
    bool to_sender = false;                // the reverse-path; never one that is empty
    bool to_recipients = false;            // those whom the rule was about
    bool to_postmaster = false;            // as the settings have it
    std::vector<std::string> addresses{};  // others: administrators
    std::string from{};                    // in the header; empty: postmaster of the proxy. The reverse-path is <>
    std::string subject{};
    std::string text{};       // UTF-8, lines end with LF
    unsigned per_hour = 100;  // of this notice to one address; 0: any number
};

struct Moment;

// Hours of the week, local time. From `begin` to before `end`; a span that ends before it begins goes on after
// midnight and belongs to the day on which it begins.
struct Span {
    unsigned days = 0;   // bit 0: Sunday ...
    unsigned begin = 0;  // minute of the day
    unsigned end = 0;    // 1440: midnight

    [[nodiscard]] bool contains(const Moment& moment) const;
    bool operator==(const Span&) const = default;
};

// What is done besides the final action.
struct Step {
    enum class Kind : std::uint8_t {
        kTagSubject,     // value: text before the subject
        kAddHeader,      // name, value
        kReplaceHeader,  // name, value: every field of the name is taken out first
        kRemoveHeader,   // name
        kStrip,     // what made the rule apply (`items`) is replaced by `value`; the original is held in area `name`
        kStripAll,  // every attachment, in the same way
        kClean,     // what the scanners find something in, in the same way
        kStamp,     // `stamp`
        kCopy,      // a copy of what is delivered goes to the address `value`, too
        kArchive,   // the original is kept in the quarantine's area `name`, too
        kNotify,    // `notice`
    };
    Kind kind = Kind::kAddHeader;
    std::string name{};
    std::string value{};
    std::vector<std::uint16_t> items{};  // of Contents, ascending; kStrip, and kNotify for its text
    std::shared_ptr<const Stamp> stamp{};
    std::shared_ptr<const Notice> notice{};
    std::string rule{};  // that asks for it, for texts: kStrip, kStripAll, kClean, kNotify
    bool operator==(const Step&) const = default;
};

// Another way than the usual one to deliver a mail: to others, to another server, or both.
struct Detour {
    std::vector<std::string> recipients{};  // instead of those it was sent to; empty: the same
    std::string server{};                   // "host:port", host an address; empty: the delivery server
    [[nodiscard]] bool usual() const { return recipients.empty() && server.empty(); }
    bool operator==(const Detour&) const = default;
};

struct Final {
    Action action = Action::kDeliver;
    std::string area{};           // of kQuarantine; empty: the general one
    std::string text{};           // of kReject and kDefer: what the reply says; of kDiscard: what the log says
    Detour detour{};              // of kDeliver
    std::optional<Span> hours{};  // of kDefer: only outside these; inside, the rule has no final action
    bool operator==(const Final&) const = default;
};

}  // namespace policy
