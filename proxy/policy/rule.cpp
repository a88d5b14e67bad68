#include "policy/rule.hpp"

#include <algorithm>
#include <iterator>

#include "policy/contents.hpp"
#include "policy/rulings.hpp"

namespace policy {
namespace {

constexpr unsigned kMinutesOfDay = 1440;

bool on_day(const Span& span, unsigned weekday) {
    return (span.days & (1U << weekday)) != 0;
}

// Asks the rule's own conditions one by one, so that each can be told.
Answer ask_each(const Rule& rule, const Facts& facts, Tried& tried) {
    Answer all{!rule.what.any, {}, {}};
    for (const auto& condition : rule.what.children) {
        auto answer = ask(condition, facts);
        tried.questions.push_back({condition.text, answer.holds, answer.seen});
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

Rulings::Rulings(const Policy& policy, const Facts& facts)
    : policy_(policy), facts_(facts), known_(policy.rules.size()) {}

// Small sets take no longer than to remember them.
bool Rulings::holds(const AddressSetPtr& set, std::string_view address, Sets& known) {
    constexpr std::size_t kSmall = 2;
    if (set->size() <= kSmall)
        return set->contains(address);
    const auto [found, fresh] = known.try_emplace(set.get(), false);
    if (fresh)
        found->second = set->contains(address);
    return found->second;
}

bool Rulings::includes(const Who& who, std::string_view address, Sets& known) {
    const auto has = [&](const AddressSetPtr& set) { return holds(set, address, known); };
    return (who.any_of.empty() || std::any_of(who.any_of.begin(), who.any_of.end(), has)) &&
           std::none_of(who.none_of.begin(), who.none_of.end(), has);
}

bool Rulings::is_for(const Rule& rule, Known& known, std::string_view recipient, bool local, Sets& sets) {
    if (rule.direction != Direction::kBoth && local != (rule.direction == Direction::kIncoming))
        return false;
    if (!known.from)
        known.from = includes(rule.from, facts_.envelope.reverse_path, senders_);
    return *known.from && includes(rule.to, recipient, sets);
}

bool Rulings::has_settings(const Rule& rule, std::size_t recipient, Tried* tried) const {
    if (rule.settings.empty())
        return true;
    const auto settings = facts_.settings_of(recipient);
    return std::ranges::all_of(rule.settings, [&](const SettingQuestion& question) {
        const bool holds = question.holds(settings);
        if (tried != nullptr)
            tried->questions.push_back({question.text, holds, std::string(settings.value(question.setting))});
        return holds;
    });
}

bool Rulings::in_time(const Rule& rule, Known& known) const {
    if (!known.now)
        known.now = rule.when.empty() || std::any_of(rule.when.begin(), rule.when.end(),
                                                     [this](const Span& span) { return span.contains(facts_.moment); });
    return *known.now;
}

const Answer& Rulings::answer(const Rule& rule, Known& known) const {
    if (!known.answer)
        known.answer = ask(rule.what, facts_);
    return *known.answer;
}

Ruling Rulings::on(std::size_t recipient, std::vector<Tried>* tried) {
    Ruling ruling;
    Sets sets;
    const std::string_view path = facts_.envelope.recipients[recipient].path;
    const bool local = policy_.local_domains.contains(path);
    for (std::size_t i = 0; i < policy_.rules.size() && !ruling.final_action; ++i) {
        const auto& rule = policy_.rules[i];
        auto& known = known_[i];
        if (tried == nullptr && known.answer && !known.answer->holds)
            continue;  // of another recipient; it is nobody's
        Tried* const entry = tried == nullptr ? nullptr : &tried->emplace_back();
        auto result = Tried::Result::kMatch;
        if (!is_for(rule, known, path, local, sets) || !has_settings(rule, recipient, entry)) {
            result = Tried::Result::kNotForThem;
        } else if (!in_time(rule, known)) {
            result = Tried::Result::kNotNow;
        } else {
            if (entry != nullptr)
                known.answer = ask_each(rule, facts_, *entry);
            if (answer(rule, known).holds)
                take(ruling, rule, *known.answer, facts_.moment);
            else
                result = Tried::Result::kNoMatch;
        }
        if (entry != nullptr) {
            entry->rule = rule.name;
            entry->result = result;
        }
    }
    std::sort(ruling.items.begin(), ruling.items.end());
    ruling.items.erase(std::unique(ruling.items.begin(), ruling.items.end()), ruling.items.end());
    return ruling;
}

Ruling rule_on(const Policy& policy, const Facts& facts, std::size_t recipient, std::vector<Tried>* tried) {
    return Rulings(policy, facts).on(recipient, tried);
}

}  // namespace policy
