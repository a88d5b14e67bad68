#include "policy/decision.hpp"

namespace policy {
namespace {

bool permitted_for_found(Action action) {
    return action == Action::kQuarantine || action == Action::kReject || action == Action::kDiscard ||
           action == Action::kTagAndDeliver;
}

bool permitted_for_unknown(Action action) {
    return action == Action::kDefer || action == Action::kQuarantine || action == Action::kDeliverWithMark;
}

struct Choice {
    Action action;
    std::string_view rule;
};

Choice choose(Outcome outcome, const Rules& rules) {
    switch (outcome) {
        case Outcome::kClean:
            return {Action::kDeliver, "clean"};
        case Outcome::kFound:
            return {permitted_for_found(rules.found) ? rules.found : Action::kDefer, "scanner.clamav action"};
        case Outcome::kEncrypted:
            return {permitted_for_unknown(rules.encrypted) ? rules.encrypted : Action::kDefer,
                    "scanner.clamav encrypted_action"};
        case Outcome::kCannotTell:
            break;
    }
    return {permitted_for_unknown(rules.failure) ? rules.failure : Action::kDefer, "scanner.clamav failure_action"};
}

}  // namespace

std::string_view to_string(Action action) {
    switch (action) {
        case Action::kDeliver:
            return "deliver";
        case Action::kTagAndDeliver:
            return "tag-and-deliver";
        case Action::kDeliverWithMark:
            return "deliver-with-mark";
        case Action::kQuarantine:
            return "quarantine";
        case Action::kReject:
            return "reject";
        case Action::kDiscard:
            return "discard";
        case Action::kDefer:
            break;
    }
    return "defer";
}

Decision decide(const ScanReport& report, const mail::Envelope& envelope, const Rules& rules) {
    if (!rules.scanning)
        return {Action::kDeliver, "not scanned", "scanner.clamav enable"};
    const auto [action, rule] = choose(worst_outcome(report), rules);
    Decision decision{action, summary(report), std::string(rule)};
    if (action == Action::kReject && envelope.null_sender()) {
        decision.action = Action::kQuarantine;
        decision.rule += ", but never a 5xx to <>";
    }
    return decision;
}

}  // namespace policy
