#include "policy/decision.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>

#include "mail/mime/defect.hpp"
#include "policy/rulings.hpp"

namespace policy {
namespace {

bool permitted_for_found(Action action) {
    return action == Action::kQuarantine || action == Action::kReject || action == Action::kDiscard ||
           action == Action::kTagAndDeliver;
}

// What one result leads to.
struct Verdict {
    Action action = Action::kDeliver;
    std::string rule;
    bool silent = false;  // ignored without a word
};

Verdict judge_found(std::string_view scanner, const RecipientRule* special, const Rules& rules) {
    const auto own = std::find_if(rules.scanners.begin(), rules.scanners.end(),
                                  [&](const ScannerRule& rule) { return rule.scanner == scanner; });
    std::string who = "scanner.clamav";
    auto action = rules.actions.found;
    if (own != rules.scanners.end() && own->actions.found) {
        who = fmt::format("scanner.{}", scanner);
        action = own->actions.found;
    }
    if (special != nullptr && special->actions.found) {
        who = fmt::format("recipients {}", special->pattern);
        action = special->actions.found;
    }
    return {action && permitted_for_found(*action) ? *action : Action::kDefer, who + " action"};
}

// Of a result that is not clean. kDeliver: it is ignored.
Verdict judge(const ScanResult& result, const RecipientRule* special, const Rules& rules) {
    if (outcome_of(result) == Outcome::kFound)
        return judge_found(result.scanner, special, rules);
    std::optional<Cell> first;
    for (auto& next : cells_of(rules, result, special))
        if (!first || goes_before(next.action, first->action))
            first = std::move(next);
    return {first->action, std::move(first->setting), first->fact};
}

// A report as the settings see it for one recipient.
struct Judged {
    ScanReport counts;  // results only: without those that are ignored
    std::string ignored{};
    std::optional<Verdict> verdict{};  // of the worst result; else of the first that is ignored

    [[nodiscard]] Outcome worst() const { return counts.results.empty() ? Outcome::kClean : worst_outcome(counts); }
    [[nodiscard]] std::string words() const {
        return (counts.results.empty() ? "not scanned" : summary(counts)) +
               (ignored.empty() ? "" : ", ignored: " + ignored);
    }
};

void note_ignored(Judged& judged, const ScanResult& result, Verdict verdict) {
    constexpr std::size_t kMaxIgnored = 90;  // octets
    if (verdict.silent)
        return;
    if (judged.ignored.size() < kMaxIgnored)
        judged.ignored += fmt::format("{}{}{}{}", judged.ignored.empty() ? "" : ", ", result.scanner,
                                      result.scanner.empty() ? "" : " ", to_string(failure_of(result)));
    if (!judged.verdict)
        judged.verdict = std::move(verdict);
}

Judged judge_all(const ScanReport& report, const RecipientRule* special, const Rules& rules) {
    Judged judged;
    std::vector<Verdict> verdicts;  // of judged.counts
    auto results = report.results;
    if (results.empty())
        results = cannot_tell("", Cause::kUnavailable, "").results;
    for (auto& result : results) {
        auto verdict = outcome_of(result) == Outcome::kClean ? Verdict{} : judge(result, special, rules);
        if (outcome_of(result) != Outcome::kClean && verdict.action == Action::kDeliver) {
            note_ignored(judged, result, std::move(verdict));
            continue;
        }
        judged.counts.results.push_back(std::move(result));
        verdicts.push_back(std::move(verdict));
    }
    const auto worst = judged.worst();
    if (worst == Outcome::kClean)
        return judged;
    judged.verdict.reset();
    const auto consider = [&](Outcome outcome) {
        for (std::size_t i = 0; i < verdicts.size(); ++i)
            if (outcome_of(judged.counts.results[i]) == outcome &&
                (!judged.verdict || goes_before(verdicts[i].action, judged.verdict->action)))
                judged.verdict = std::move(verdicts[i]);
    };
    consider(worst);
    // What is held because it is encrypted does not pass because the signatures are old besides.
    if (worst == Outcome::kCannotTell)
        consider(Outcome::kEncrypted);
    return judged;
}

// The results, and what the construction of the mail adds to them. Facts that no setting makes a failure of are ignored
// like others.
ScanReport with_construction(const ScanReport& report) {
    ScanReport whole;
    whole.results = report.results;
    const auto& contents = report.contents;
    if (mail::mime::is_malformed(contents.defects))
        whole.results.push_back({std::string(kContentsScanner), Outcome::kCannotTell, Cause::kMalformed, {}, {}});
    const auto encrypted = std::find_if(contents.items.begin(), contents.items.end(),
                                        [](const Item& item) { return item.is(Mark::kEncrypted); });
    if (encrypted != contents.items.end())
        whole.results.push_back({std::string(kContentsScanner),
                                 Outcome::kEncrypted,
                                 Cause::kNone,
                                 item_path(contents, static_cast<std::size_t>(encrypted - contents.items.begin())),
                                 {}});
    return whole;
}

// What the settings say of what the scanners found.
Decision decide_by_settings(const ScanReport& report, std::string_view recipient, const Rules& rules) {
    const Decision unscanned{Action::kDeliver, "not scanned", "scanner.clamav enable"};
    // With a policy a worker has been asked what is in the mail, and may not know.
    if (!rules.scanning && (rules.policy == nullptr || report.results.empty()))
        return unscanned;
    auto judged = judge_all(report, rule_for(rules, recipient), rules);
    if (!rules.scanning && judged.worst() == Outcome::kClean && judged.ignored.empty())
        return unscanned;
    if (!judged.verdict)
        return {Action::kDeliver, judged.words(), "clean"};
    return {judged.verdict->action, judged.words(), std::move(judged.verdict->rule)};
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

// Who looks inside mails failed: what the rules have seen may not be all.
bool half_blind(const ScanReport& report) {
    return std::any_of(report.results.begin(), report.results.end(), [](const ScanResult& result) {
        return (result.scanner == kWorkers || result.scanner == kContentsScanner ||
                result.scanner == kExpressionsScanner) &&
               result.outcome == Outcome::kCannotTell &&
               (result.cause == Cause::kUnavailable || result.cause == Cause::kTimeout ||
                result.cause == Cause::kCrash || result.cause == Cause::kError);
    });
}

// A mail that the settings keep because it could not be looked at is not refused or thrown away by a rule about
// something else: it comes again, and the rule is asked then.
bool is_for_later(const Final& final_action, const Decision& settings, const ScanReport& rest) {
    return (final_action.action == Action::kReject || final_action.action == Action::kDiscard) &&
           (settings.action == Action::kDefer || settings.action == Action::kQuarantine) && half_blind(rest);
}

// A virus that the settings hold is not bounced to its alleged sender because of a rule about something else.
bool overrules(const Final& final_action, const Decision& settings, Outcome outcome) {
    if (outcome == Outcome::kFound && final_action.action == Action::kReject)
        return weight(settings.action) < weight(Action::kQuarantine);
    return weight(final_action.action) >= weight(settings.action);
}

// `rulings`: null when there is no policy.
Decision decide(const Facts& facts, std::size_t number, const Rules& rules, Rulings* rulings) {
    const std::string_view recipient = facts.envelope.recipients[number].path;
    const auto whole = with_construction(facts.report);
    auto decision = decide_by_settings(whole, recipient, rules);
    if (rulings != nullptr && meets_rules(facts, recipient, rules)) {
        auto ruling = rulings->on(number);
        if (ruling.final_action) {
            const auto rest = without_asked(whole, *ruling.asked);
            auto settings = decide_by_settings(rest, recipient, rules);
            settings.verdict = std::move(decision.verdict);
            decision = std::move(settings);
            if (overrules(*ruling.final_action, decision, worst_outcome(rest)) &&
                !is_for_later(*ruling.final_action, decision, rest)) {
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

bool meets_rules(const Facts& facts, std::string_view recipient, const Rules& rules) {
    if (!mail::mime::is_malformed(facts.report.contents.defects))
        return true;
    const auto action = cell(rules, kContentsScanner, Failure::kMalformed, rule_for(rules, recipient)).action;
    return action == Action::kDeliver || action == Action::kDeliverWithMark;
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
        decisions.push_back(decide(facts, recipient, rules, rulings ? &*rulings : nullptr));
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

bool settings_deliver(const Facts& facts, const std::vector<std::size_t>& which, const Rules& rules) {
    const auto whole = with_construction(facts.report);
    return std::all_of(which.begin(), which.end(), [&](std::size_t recipient) {
        return is_delivery(decide_by_settings(whole, facts.envelope.recipients[recipient].path, rules).action);
    });
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
