#include "policy/rule.hpp"

#include <algorithm>
#include <iterator>

#include "policy/contents.hpp"

namespace policy {
namespace {

constexpr unsigned kMinutesOfDay = 1440;

bool on_day(const Span& span, unsigned weekday) {
    return (span.days & (1U << weekday)) != 0;
}

bool fits(Direction direction, const Policy& policy, std::string_view recipient) {
    return direction == Direction::kBoth ||
           policy.local_domains.contains(recipient) == (direction == Direction::kIncoming);
}

bool in_time(const Rule& rule, const Moment& moment) {
    return rule.when.empty() ||
           std::any_of(rule.when.begin(), rule.when.end(), [&](const Span& span) { return span.contains(moment); });
}

// Asks the rule's own conditions one by one, so that each can be told.
Answer ask_what(const Rule& rule, const Facts& facts, Tried* tried) {
    if (tried == nullptr)
        return ask(rule.what, facts);
    Answer all{!rule.what.any, {}, {}};
    for (const auto& condition : rule.what.children) {
        auto answer = ask(condition, facts);
        tried->questions.push_back({condition.text, answer.holds, answer.seen});
        all.items.insert(all.items.end(), answer.items.begin(), answer.items.end());
        if (answer.holds == rule.what.any) {
            all.holds = rule.what.any;
            if (!rule.what.any)
                break;
        }
    }
    all.holds = all.holds != rule.what.negated;
    return all;
}

// Texts name the rule. Other steps do not: two rules that add the same field do the same.
bool has_text(Step::Kind kind) {
    return kind == Step::Kind::kStrip || kind == Step::Kind::kStripAll || kind == Step::Kind::kClean ||
           kind == Step::Kind::kNotify;
}

void take_steps(Ruling& ruling, const Rule& rule, const Answer& answer) {
    for (const auto& step : rule.steps) {
        auto& taken = ruling.steps.emplace_back(step);
        if (has_text(step.kind))
            taken.rule = rule.name;
        if (step.kind != Step::Kind::kStrip && step.kind != Step::Kind::kNotify)
            continue;
        std::transform(answer.items.begin(), answer.items.end(), std::back_inserter(taken.items),
                       [](std::size_t item) { return static_cast<std::uint16_t>(item); });
        std::sort(taken.items.begin(), taken.items.end());
        taken.items.erase(std::unique(taken.items.begin(), taken.items.end()), taken.items.end());
    }
}

void take(Ruling& ruling, const Rule& rule, const Answer& answer, const Moment& moment) {
    ruling.rules.push_back(rule.name);
    take_steps(ruling, rule, answer);
    ruling.items.insert(ruling.items.end(), answer.items.begin(), answer.items.end());
    if (!rule.final_action || (rule.final_action->hours && rule.final_action->hours->contains(moment)))
        return;
    ruling.final_action = rule.final_action;
    ruling.rule = rule.name;
    ruling.asked = &rule.what;
}

}  // namespace

bool Span::contains(const Moment& moment) const {
    if (begin < end)
        return on_day(*this, moment.weekday) && moment.minute >= begin && moment.minute < end;
    const unsigned yesterday = (moment.weekday + 6) % 7;
    return (on_day(*this, moment.weekday) && moment.minute >= begin && moment.minute < kMinutesOfDay) ||
           (on_day(*this, yesterday) && moment.minute < end);
}

Ruling rule_on(const Policy& policy, const Facts& facts, std::string_view recipient, std::vector<Tried>* tried) {
    Ruling ruling;
    for (const auto& rule : policy.rules) {
        Tried* const entry = tried == nullptr ? nullptr : &tried->emplace_back();
        if (entry != nullptr)
            entry->rule = rule.name;
        auto result = Tried::Result::kNoMatch;
        if (!fits(rule.direction, policy, recipient) || !rule.from.includes(facts.envelope.reverse_path) ||
            !rule.to.includes(recipient)) {
            result = Tried::Result::kNotForThem;
        } else if (!in_time(rule, facts.moment)) {
            result = Tried::Result::kNotNow;
        } else if (const auto answer = ask_what(rule, facts, entry); answer.holds) {
            result = Tried::Result::kMatch;
            take(ruling, rule, answer, facts.moment);
        }
        if (entry != nullptr)
            entry->result = result;
        if (ruling.final_action)
            break;
    }
    std::sort(ruling.items.begin(), ruling.items.end());
    ruling.items.erase(std::unique(ruling.items.begin(), ruling.items.end()), ruling.items.end());
    return ruling;
}

}  // namespace policy
