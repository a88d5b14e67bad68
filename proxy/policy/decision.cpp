#include "policy/decision.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "policy/pattern.hpp"

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
    std::string_view setting;
};

Choice choose(Outcome outcome, const Actions& actions) {
    switch (outcome) {
        case Outcome::kClean:
            return {Action::kDeliver, ""};
        case Outcome::kFound:
            return {permitted_for_found(actions.found) ? actions.found : Action::kDefer, "action"};
        case Outcome::kEncrypted:
            return {permitted_for_unknown(actions.encrypted) ? actions.encrypted : Action::kDefer, "encrypted_action"};
        case Outcome::kCannotTell:
            break;
    }
    return {permitted_for_unknown(actions.failure) ? actions.failure : Action::kDefer, "failure_action"};
}

Decision decide(const ScanReport& report, std::string_view recipient, bool null_sender, const Rules& rules) {
    if (!rules.scanning)
        return {Action::kDeliver, "not scanned", "scanner.clamav enable"};
    const auto special = std::find_if(rules.recipients.begin(), rules.recipients.end(), [&](const RecipientRule& rule) {
        return matches_recipient(rule.pattern, recipient);
    });
    const bool is_special = special != rules.recipients.end();
    const auto [action, setting] = choose(worst_outcome(report), is_special ? special->actions : rules.actions);
    Decision decision{action, summary(report), "clean"};
    if (!setting.empty())
        decision.rule = is_special ? fmt::format("recipients {} {}", special->pattern, setting)
                                   : fmt::format("scanner.clamav {}", setting);
    if (action == Action::kReject && null_sender) {
        decision.action = Action::kQuarantine;
        decision.rule += ", but never a 5xx to <>";
    }
    return decision;
}

// Adds a recipient to the group of its action, or begins one.
void assign(std::vector<Group>& groups, std::size_t recipient, Decision decision) {
    const auto group = std::find_if(groups.begin(), groups.end(),
                                    [&](const Group& other) { return other.decision.action == decision.action; });
    if (group == groups.end()) {
        groups.push_back({std::move(decision), {recipient}});
        return;
    }
    constexpr std::string_view kOthers = ", and others";
    if (group->decision.rule != decision.rule && !group->decision.rule.ends_with(kOthers))
        group->decision.rule += kOthers;
    group->recipients.push_back(recipient);
}

// What can be lost comes last: a deferral after a hold costs nothing, a hold after a delivery may fail.
int turn(Action action) {
    switch (action) {
        case Action::kQuarantine:
            return 0;
        case Action::kDiscard:
            return 1;
        case Action::kDeliver:
        case Action::kTagAndDeliver:
        case Action::kDeliverWithMark:
            return 2;
        case Action::kReject:
            return 3;
        case Action::kDefer:
            break;
    }
    return 4;
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

std::vector<Group> divide(const ScanReport& report, const mail::Envelope& envelope,
                          const std::vector<std::size_t>& which, const Rules& rules, bool one_reply) {
    std::vector<Decision> decisions;
    decisions.reserve(which.size());
    for (const auto recipient : which)
        decisions.push_back(decide(report, envelope.recipients[recipient].path, envelope.null_sender(), rules));
    const bool all_rejected =
        which.size() == envelope.recipients.size() &&
        std::all_of(decisions.begin(), decisions.end(), [](const Decision& d) { return d.action == Action::kReject; });
    std::vector<Group> groups;
    for (std::size_t i = 0; i < which.size(); ++i) {
        if (one_reply && !all_rejected && decisions[i].action == Action::kReject) {
            decisions[i].action = Action::kQuarantine;
            decisions[i].rule += ", but one reply cannot refuse some recipients";
        }
        assign(groups, which[i], std::move(decisions[i]));
    }
    std::stable_sort(groups.begin(), groups.end(), [](const Group& one, const Group& other) {
        return turn(one.decision.action) < turn(other.decision.action);
    });
    return groups;
}

Group held(const std::vector<Group>& groups, std::string_view reason) {
    Group all;
    for (const auto& group : groups)
        all.recipients.insert(all.recipients.end(), group.recipients.begin(), group.recipients.end());
    std::sort(all.recipients.begin(), all.recipients.end());
    const auto verdict = groups.empty() ? std::string() : groups.front().decision.verdict;
    all.decision = {Action::kQuarantine, verdict.empty() ? std::string(reason) : fmt::format("{}, {}", reason, verdict),
                    std::string(reason)};
    return all;
}

}  // namespace policy
