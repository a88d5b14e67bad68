// decide(): from facts to what is done with a message. Pure: no clock, no file, no network.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/action.hpp"
#include "policy/failure.hpp"
#include "policy/rule.hpp"
#include "policy/scan_report.hpp"

namespace policy {

// The rules in force.
struct Rules {
    bool scanning = true;                   // false: nothing scans, by configuration; everything is delivered unmarked
    Actions actions;                        // of "clamav", and of what has no others
    std::vector<RecipientRule> recipients;  // the first that matches counts
    std::vector<ScannerRule> scanners = {};
    PolicyPtr policy = nullptr;  // null: none
    bool clamav = true;          // workers scan, besides looking inside
    LimitActions limits = {};

    // A rule asks what is in the mail, which only a worker can say, also when nothing scans.
    [[nodiscard]] bool need_a_look() const { return scanning || policy != nullptr; }
};

struct Decision {
    Action action = Action::kDefer;
    std::string verdict;  // summary(report), and what was ignored: log, X-Sandwich-Verdict, quarantine
    std::string rule;     // what decided: "scanner.clamav action", "rule executables"; "clean" when nothing had to
    std::string area{};   // of the quarantine; empty: the general one
    std::string text{};   // what a reply of kReject or kDefer says; empty: the usual
    std::vector<Step> steps{};    // what else is done, in order; only with a delivery but for kNotify and kArchive
    Detour detour{};              // of a delivery
    std::optional<Span> hours{};  // of kDefer: when it will be decided otherwise
};

// Recipients for whom the same is done.
struct Group {
    Decision decision;
    std::vector<std::size_t> recipients;  // indexes into the envelope's, ascending
};

// The scanners looked for the expressions that these rules ask for. A report in which nobody looked inside fits any.
bool fits(const ScanReport& report, const Rules& rules);

// What the scanners found has the actions that the settings give it: the worst result wins (found, then cannot tell,
// then encrypted, then clean; an empty report while scanning is "cannot tell"), of several of the same kind, and of all
// that could not be scanned or not be looked into, the action that goes_before() the others. A failure that the
// settings ignore counts as clean, and the verdict says so. Broken MIME and what is encrypted are results, too, where
// the settings make failures of them.
//
// The policy's rules have a word in it, too: of the settings' action and the rules' final one, what keeps more back is
// done. Only the results that a rule asks for by their names or causes (virus, cannot_tell, encrypted ...) are the
// rule's alone. A mail that the settings hold back because it is malformed meets no rules at all: what they would see
// in it is one reading of many.
//
// A message from <> is never rejected for its content: it would end in the upstream's dead.letter, so it is
// quarantined.
//
// Divides `which` recipients of the envelope (ascending indexes) into groups, each with something else done, in the
// order in which they are acted on: what is held first, then what is discarded, delivered, refused, deferred.
// `one_reply`: a single reply speaks for all recipients of the envelope, so a reject that is not for all of them
// becomes quarantine.
std::vector<Group> divide(const Facts& facts, const std::vector<std::size_t>& which, const Rules& rules,
                          bool one_reply);

// Whether the policy's rules are asked about this mail; see divide().
bool meets_rules(const Facts& facts, std::string_view recipient, const Rules& rules);

// What the scanners found is no reason to keep the mail from these recipients, by the settings alone.
bool settings_deliver(const Facts& facts, const std::vector<std::size_t>& which, const Rules& rules);

// The same mail held instead for everybody, for a reason that is not in its content ("data_after_dot"): that is the
// rule, and stands before what the scanners said.
Group held(const std::vector<Group>& groups, std::string_view reason);

}  // namespace policy
