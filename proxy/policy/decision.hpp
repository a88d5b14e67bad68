// decide(): from facts to what is done with a message. Pure: no clock, no file, no network.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mail/envelope.hpp"
#include "policy/scan_report.hpp"

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

// The rules in force. Permitted values: `found` quarantine, reject, discard, tag-and-deliver; the others defer,
// quarantine, deliver-with-mark. The configuration checks it; what is not permitted here becomes defer.
struct Rules {
    bool scanning = true;  // false: nothing scans, by configuration; everything is delivered unmarked
    Action found = Action::kQuarantine;
    Action failure = Action::kDefer;
    Action encrypted = Action::kDefer;
};

struct Decision {
    Action action = Action::kDefer;
    std::string verdict;  // summary(report): log, X-Sandwich-Verdict, quarantine
    std::string rule;     // the setting that decided: "scanner.clamav action"; "clean" when none had to
};

// Worst result wins: found, then cannot tell, then encrypted, then clean; an empty report while scanning is "cannot
// tell". A message from <> is never rejected for its content: it would end in the upstream's dead.letter, so it is
// quarantined.
Decision decide(const ScanReport& report, const mail::Envelope& envelope, const Rules& rules);

}  // namespace policy
