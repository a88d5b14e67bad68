// Settings of mailboxes and domains, and rules that ask for them.
#include <doctest/doctest.h>

#include "policy/decision.hpp"
#include "policy/explain.hpp"
#include "policy/user_setting.hpp"

using policy::Action;
using policy::RecipientSettings;
using policy::Setting;
using policy::setting_value;
using policy::SettingValues;

namespace {

RecipientSettings with(Setting setting, std::string value, bool of_domain = false) {
    SettingValues values;
    values[static_cast<std::size_t>(setting)] = std::move(value);
    auto shared = std::make_shared<const SettingValues>(std::move(values));
    return of_domain ? RecipientSettings{nullptr, shared} : RecipientSettings{shared, nullptr};
}

policy::Rule asking(const char* name, Action action, std::vector<policy::SettingQuestion> settings) {
    policy::Rule rule;
    rule.name = name;
    rule.settings = std::move(settings);
    rule.final_action = policy::Final{.action = action};
    return rule;
}

}  // namespace

TEST_CASE("settings have the names and values that they have") {
    for (std::size_t i = 0; i < policy::kSettings; ++i) {
        const auto& kind = policy::setting_kinds()[i];
        CHECK(static_cast<std::size_t>(kind.setting) == i);
        CHECK(policy::find_setting(kind.name).value() == kind.setting);
        for (const auto choice : kind.choices)
            CHECK(setting_value(kind.setting, choice).value() == choice);
        if (!kind.otherwise.empty())
            CHECK(setting_value(kind.setting, kind.otherwise));
    }
    CHECK(setting_value(Setting::kSpam, " HIGH ").value() == "high");
    CHECK(setting_value(Setting::kClass, "Gold  night-shift").value() == "gold night-shift");
    for (const auto* const bad : {"", "often", "low high", "l\xc3\xb6w"})
        CHECK_MESSAGE(!setting_value(Setting::kSpam, bad), bad);
    for (const auto* const bad : {"", " ", "a;b", "a=b", "a,b", "a b c d e f g h i", "\"a\"", "a\nb"})
        CHECK_MESSAGE(!setting_value(Setting::kClass, bad), bad);
    CHECK(!setting_value(Setting::kClass, std::string(65, 'a')));
    CHECK(policy::find_setting("Spam"));
    CHECK(policy::find_setting("virus").error().message ==
          "there is no setting virus; there are attachments, class, disabled, spam");
}

TEST_CASE("a mailbox's own value counts before its domain's, and that before the usual one") {
    CHECK(RecipientSettings{}.value(Setting::kSpam) == "normal");
    CHECK(RecipientSettings{}.value(Setting::kClass).empty());
    auto settings = with(Setting::kSpam, "low", true);
    CHECK(settings.value(Setting::kSpam) == "low");
    settings.mailbox = with(Setting::kClass, "gold").mailbox;
    CHECK(settings.value(Setting::kSpam) == "low");
    settings.mailbox = with(Setting::kSpam, "high").mailbox;
    CHECK(settings.value(Setting::kSpam) == "high");
    CHECK_FALSE(settings.disabled());
    CHECK(with(Setting::kDisabled, "yes").disabled());
}

TEST_CASE("a rule asks for one of several values, of words for one of them") {
    const policy::SettingQuestion strict{Setting::kSpam, false, {"normal", "high"}, ""};
    CHECK(strict.holds({}));
    CHECK(strict.holds(with(Setting::kSpam, "high")));
    CHECK_FALSE(strict.holds(with(Setting::kSpam, "off")));
    const policy::SettingQuestion gold{Setting::kClass, false, {"gold"}, ""};
    CHECK_FALSE(gold.holds({}));
    CHECK_FALSE(gold.holds(with(Setting::kClass, "golden")));
    CHECK(gold.holds(with(Setting::kClass, "silver gold")));
    const policy::SettingQuestion others{Setting::kClass, true, {"gold"}, ""};
    CHECK(others.holds({}));
    CHECK_FALSE(others.holds(with(Setting::kClass, "gold")));
}

TEST_CASE("recipients of one mail with other settings have something else done, each by its own") {
    policy::ScanReport report;
    report.results = {{"clamav", policy::Outcome::kClean, policy::Cause::kNone, "", ""}};
    const mail::Envelope envelope{"s@x", "", {{"a@y", ""}, {"b@y", ""}, {"c@y", ""}, {"d@z", ""}}};
    const std::vector<RecipientSettings> settings{
        with(Setting::kSpam, "high"), {}, with(Setting::kSpam, "off"), with(Setting::kSpam, "high", true)};
    policy::Facts facts{report, envelope};
    facts.settings = settings;
    auto policy = std::make_shared<policy::Policy>();
    policy->rules = {asking("first", Action::kQuarantine,
                            {{Setting::kSpam, false, {"high"}, "setting spam high"},
                             {Setting::kClass, true, {"lab"}, "setting not class lab"}}),
                     asking("last", Action::kDefer, {{Setting::kSpam, false, {"off"}, "setting spam off"}})};
    const policy::Rules rules{true, {}, {}, {}, policy};
    const auto groups = policy::divide(facts, {0, 1, 2, 3}, rules, true);
    REQUIRE(groups.size() == 3);
    CHECK(groups[0].decision.rule == "rule first");
    CHECK(groups[0].recipients == std::vector<std::size_t>{0, 3});
    CHECK(groups[1].decision.action == Action::kDeliver);
    CHECK(groups[1].recipients == std::vector<std::size_t>{1});
    CHECK(groups[2].decision.rule == "rule last");
    // What was seen is told.
    const auto told = policy::explain(facts, 1, rules);
    CHECK_MESSAGE(told.find("rule first: not for them\n    no  setting spam high: normal\n") != std::string::npos,
                  told);
    CHECK(policy::explain(facts, 0, rules).find("yes setting spam high: high\n") != std::string::npos);
    // Nobody has any.
    facts.settings = {};
    CHECK(policy::divide(facts, {0, 1, 2, 3}, rules, true).size() == 1);
}
