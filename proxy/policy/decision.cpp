#include "policy/decision.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>

#include "policy/pattern.hpp"
#include "policy/rulings.hpp"

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

// What one scanner's word leads to.
struct Verdict {
    Choice choice;
    std::string rule;
};

Verdict judge(Outcome outcome, std::string_view scanner, const RecipientRule* special, const Rules& rules) {
    const auto own = std::find_if(rules.scanners.begin(), rules.scanners.end(),
                                  [&](const ScannerRule& rule) { return rule.scanner == scanner; });
    const bool has_own = own != rules.scanners.end();
    const auto usual = choose(outcome, rules.actions);
    const auto wanted = special != nullptr ? choose(outcome, special->actions) : usual;
    if (special != nullptr && (!has_own || wanted.action != usual.action))
        return {wanted, fmt::format("recipients {} {}", special->pattern, wanted.setting)};
    if (has_own) {
        const auto its = choose(outcome, own->actions);
        return {its, fmt::format("scanner.{} {}", scanner, its.setting)};
    }
    return {usual, fmt::format("scanner.clamav {}", usual.setting)};
}

// Among scanners with the same result; see divide().
std::ptrdiff_t precedence(Action action) {
    constexpr std::array kOrder{Action::kDefer,   Action::kQuarantine,    Action::kReject,
                                Action::kDiscard, Action::kTagAndDeliver, Action::kDeliverWithMark};
    return std::find(kOrder.begin(), kOrder.end(), action) - kOrder.begin();
}

// `worst` is not clean.
Verdict strictest(const ScanReport& report, Outcome worst, const RecipientRule* special, const Rules& rules) {
    std::optional<Verdict> first;
    for (const auto& result : report.results) {
        if (outcome_of(result) != worst)
            continue;
        auto next = judge(worst, result.scanner, special, rules);
        if (!first || precedence(next.choice.action) < precedence(first->choice.action))
            first = std::move(next);
    }
    return first ? std::move(*first) : judge(worst, {}, special, rules);
}

// What the settings say of what the scanners found.
Decision decide_by_settings(const ScanReport& report, std::string_view recipient, const Rules& rules) {
    // With a policy a worker has been asked what is in the mail, and may not know.
    if (!rules.scanning &&
        (rules.policy == nullptr || report.results.empty() || worst_outcome(report) == Outcome::kClean))
        return {Action::kDeliver, "not scanned", "scanner.clamav enable"};
    const auto special = std::find_if(rules.recipients.begin(), rules.recipients.end(), [&](const RecipientRule& rule) {
        return matches_recipient(rule.pattern, recipient);
    });
    const auto worst = worst_outcome(report);
    Decision decision{Action::kDeliver, summary(report), "clean"};
    if (worst != Outcome::kClean) {
        auto verdict = strictest(report, worst, special != rules.recipients.end() ? &*special : nullptr, rules);
        decision.action = verdict.choice.action;
        decision.rule = std::move(verdict.rule);
    }
    return decision;
}

bool is_delivery(Action action) {
    return action == Action::kDeliver || action == Action::kTagAndDeliver || action == Action::kDeliverWithMark;
}

// How much an action keeps back: of two, the one that weighs more is done.
int weight(Action action) {
    switch (action) {
        case Action::kDeliver:
            return 0;
        case Action::kTagAndDeliver:
        case Action::kDeliverWithMark:
            return 1;
        case Action::kDefer:
            return 2;
        case Action::kQuarantine:
            return 3;
        case Action::kReject:
            return 4;
        case Action::kDiscard:
            break;
    }
    return 5;
}

// What is left of a report when the results are taken out that the rule asks for, by their names and causes.
ScanReport without_asked(const ScanReport& report, const Condition& asked) {
    ScanReport rest;
    std::copy_if(report.results.begin(), report.results.end(), std::back_inserter(rest.results),
                 [&asked](const ScanResult& result) { return !concerns(asked, result); });
    if (report.results.empty())  // nobody looked at it: a result of its own, which a rule may ask for
        rest.results = cannot_tell("", Cause::kUnavailable, "").results;
    if (rest.results.empty() || (report.results.empty() && concerns(asked, rest.results.front())))
        rest.results = {{"", Outcome::kClean, Cause::kNone, {}, {}}};
    return rest;
}

// A virus that the settings hold is not bounced to its alleged sender because of a rule about something else.
bool overrules(const Final& final_action, const Decision& settings, Outcome outcome) {
    if (outcome == Outcome::kFound && final_action.action == Action::kReject)
        return weight(settings.action) < weight(Action::kQuarantine);
    return weight(final_action.action) >= weight(settings.action);
}

// `rulings`: null when there is no policy.
Decision decide(const Facts& facts, std::string_view recipient, const Rules& rules, Rulings* rulings) {
    auto decision = decide_by_settings(facts.report, recipient, rules);
    if (rulings != nullptr) {
        auto ruling = rulings->on(recipient);
        if (ruling.final_action) {
            const auto rest = without_asked(facts.report, *ruling.asked);
            auto settings = decide_by_settings(rest, recipient, rules);
            settings.verdict = std::move(decision.verdict);
            decision = std::move(settings);
            if (overrules(*ruling.final_action, decision, worst_outcome(rest))) {
                decision.action = ruling.final_action->action;
                decision.area = std::move(ruling.final_action->area);
                decision.text = std::move(ruling.final_action->text);
                decision.rule = "rule " + ruling.rule;
                decision.hours = ruling.final_action->hours;
            }
            // Marked by the settings, it still goes where the rule sends it.
            if (ruling.final_action->action == Action::kDeliver && is_delivery(decision.action))
                decision.detour = std::move(ruling.final_action->detour);
        }
        decision.steps = std::move(ruling.steps);
    }
    if (decision.action == Action::kReject && facts.envelope.null_sender()) {
        decision.action = Action::kQuarantine;
        decision.rule += ", but never a 5xx to <>";
    }
    return decision;
}

bool same_is_done(const Decision& one, const Decision& other) {
    return one.action == other.action && one.area == other.area && one.text == other.text && one.steps == other.steps &&
           one.detour == other.detour && one.hours == other.hours;
}

// Adds a recipient to the group of those with whom the same is done, or begins one.
void assign(std::vector<Group>& groups, std::size_t recipient, Decision decision) {
    const auto group = std::find_if(groups.begin(), groups.end(),
                                    [&](const Group& other) { return same_is_done(other.decision, decision); });
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

bool fits(const ScanReport& report, const Rules& rules) {
    const auto wanted = rules.policy ? rules.policy->expression_set : 0;
    return report.contents.items.empty() || wanted == 0 || report.contents.expression_set == wanted;
}

std::vector<Group> divide(const Facts& facts, const std::vector<std::size_t>& which, const Rules& rules,
                          bool one_reply) {
    const auto& envelope = facts.envelope;
    std::vector<Decision> decisions;
    decisions.reserve(which.size());
    std::optional<Rulings> rulings;
    if (rules.policy)
        rulings.emplace(*rules.policy, facts);
    for (const auto recipient : which)
        decisions.push_back(decide(facts, envelope.recipients[recipient].path, rules, rulings ? &*rulings : nullptr));
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
