#include "inspect/judgement.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "policy/printable.hpp"

namespace inspect {
namespace {

constexpr std::string_view kExpressions = "expressions";

std::string reason_of(const policy::Facts& facts, std::size_t recipient, const policy::Rules& rules) {
    std::string reason;
    if (!rules.policy || !policy::meets_rules(facts, facts.envelope.recipients[recipient].path, rules))
        return reason;
    std::vector<policy::Tried> tried;
    policy::rule_on(*rules.policy, facts, recipient, &tried);
    for (const auto& one : tried) {
        if (one.result != policy::Tried::Result::kMatch)
            continue;
        reason += fmt::format("{}rule {}", reason.empty() ? "" : "; ", one.rule);
        for (const auto& question : one.questions)
            if (question.holds)
                reason += fmt::format(", {}{}{}", question.text, question.seen.empty() ? "" : ": ", question.seen);
    }
    if (reason.size() > kMaxReason)
        reason = reason.substr(0, kMaxReason - 3) + "...";
    return policy::printable(reason);
}

bool same_stamp(const policy::Stamp* one, const policy::Stamp* other) {
    if (one == nullptr || other == nullptr)
        return one == other;
    return one->at_end == other->at_end && one->plain == other->plain && one->html == other->html;
}

bool same_notice(const policy::Notice* one, const policy::Notice* other) {
    if (one == nullptr || other == nullptr)
        return one == other;
    return one->to_sender == other->to_sender && one->to_recipients == other->to_recipients &&
           one->to_postmaster == other->to_postmaster && one->addresses == other->addresses &&
           one->from == other->from && one->subject == other->subject && one->text == other->text;
}

bool same_step(const policy::Step& one, const policy::Step& other) {
    return one.kind == other.kind && one.name == other.name && one.value == other.value && one.items == other.items &&
           same_stamp(one.stamp.get(), other.stamp.get()) && same_notice(one.notice.get(), other.notice.get());
}

}  // namespace

base::Status take_setting(policy::SettingValues& values, std::string_view text) {
    const auto equals = std::min(text.find('='), text.size());
    const auto setting = policy::find_setting(text.substr(0, equals));
    if (!setting)
        return setting.error();
    auto value = policy::setting_value(*setting, text.substr(std::min(equals + 1, text.size())));
    if (!value)
        return value.error();
    values[static_cast<std::size_t>(*setting)] = std::move(*value);
    return base::ok();
}

std::string_view note_on_settings(const policy::SettingValues& values, const policy::Rules& rules) {
    const bool named = std::ranges::any_of(values, [](const std::string& value) { return !value.empty(); });
    return named || !rules.policy || !rules.policy->asks_settings
               ? std::string_view()
               : "the rules ask for settings of recipients, and the user list is not asked: see --setting";
}

std::vector<policy::RecipientSettings> settings_of_all(const policy::SettingValues& values,
                                                       const mail::Envelope& envelope) {
    const auto shared = std::make_shared<const policy::SettingValues>(values);
    return std::vector<policy::RecipientSettings>(envelope.recipients.size(), {shared, nullptr});
}

std::vector<Judgement> judge(const policy::Facts& facts, const policy::Rules& rules) {
    const auto& recipients = facts.envelope.recipients;
    std::vector<std::size_t> all;
    for (std::size_t i = 0; i < recipients.size(); ++i)
        all.push_back(i);
    std::vector<Judgement> judged(recipients.size());
    for (const auto& group : policy::divide(facts, all, rules, true))
        for (const auto recipient : group.recipients)
            judged[recipient] = {group.decision, reason_of(facts, recipient, rules)};
    return judged;
}

bool same_is_done(const policy::Decision& one, const policy::Decision& other) {
    return one.action == other.action && one.area == other.area && one.text == other.text &&
           one.detour == other.detour && one.hours == other.hours &&
           std::equal(one.steps.begin(), one.steps.end(), other.steps.begin(), other.steps.end(), same_step);
}

policy::ScanReport report_for(const policy::Rules& rules, const policy::ScanReport& report) {
    auto seen = report;
    if (!rules.policy || rules.policy->expression_set == 0)
        std::erase_if(seen.results, [](const policy::ScanResult& result) { return result.scanner == kExpressions; });
    return seen;
}

}  // namespace inspect
