#include <doctest/doctest.h>

#include "inspect/judgement.hpp"
#include "inspect/progress.hpp"

using policy::Action;
using policy::Decision;
using policy::Step;

namespace {

Decision with_stamp(const char* name, const char* text) {
    auto stamp = std::make_shared<policy::Stamp>();
    stamp->name = name;
    stamp->plain = text;
    Decision decision;
    decision.action = Action::kDeliver;
    decision.steps.push_back({Step::Kind::kStamp, {}, {}, {}, std::move(stamp), {}});
    return decision;
}

Decision with_notice(const char* text, unsigned per_hour) {
    auto notice = std::make_shared<policy::Notice>();
    notice->text = text;
    notice->per_hour = per_hour;
    Decision decision;
    decision.steps.push_back({Step::Kind::kNotify, {}, {}, {}, {}, std::move(notice)});
    return decision;
}

}  // namespace

TEST_CASE("decisions are the same by what is done, not by the rule") {
    Decision one{Action::kQuarantine, "clean", "rule a"};
    Decision other{Action::kQuarantine, "found X", "rule b"};
    CHECK(inspect::same_is_done(one, other));
    other.area = "x";
    CHECK_FALSE(inspect::same_is_done(one, other));
    other = one;
    other.action = Action::kReject;
    CHECK_FALSE(inspect::same_is_done(one, other));
    other = one;
    other.text = "no";
    CHECK_FALSE(inspect::same_is_done(one, other));
    other = one;
    other.steps.push_back({Step::Kind::kTagSubject, {}, "[X]", {}, {}, {}});
    CHECK_FALSE(inspect::same_is_done(one, other));
    one.steps.push_back({Step::Kind::kTagSubject, {}, "[X]", {}, {}, {}});
    CHECK(inspect::same_is_done(one, other));
    one.steps.back().value = "[Y]";
    CHECK_FALSE(inspect::same_is_done(one, other));
    one = other;
    one.detour.server = "192.0.2.1:25";
    CHECK_FALSE(inspect::same_is_done(one, other));
}

TEST_CASE("stamps and notices of two policies are compared by what people read") {
    CHECK(inspect::same_is_done(with_stamp("a", "text"), with_stamp("b", "text")));
    CHECK_FALSE(inspect::same_is_done(with_stamp("a", "text"), with_stamp("a", "other")));
    CHECK(inspect::same_is_done(with_notice("text", 1), with_notice("text", 2)));
    CHECK_FALSE(inspect::same_is_done(with_notice("text", 1), with_notice("other", 1)));
}

TEST_CASE("rules without expressions see no result about expressions") {
    policy::ScanReport report;
    report.results = {{"clamav", policy::Outcome::kClean, policy::Cause::kNone, {}, {}},
                      {"expressions", policy::Outcome::kCannotTell, policy::Cause::kLimit, {}, {}}};
    policy::Rules rules;
    CHECK(inspect::report_for(rules, report).results.size() == 1);
    auto policy = std::make_shared<policy::Policy>();
    rules.policy = policy;
    CHECK(inspect::report_for(rules, report).results.size() == 1);
    policy->expression_set = 7;
    CHECK(inspect::report_for(rules, report).results.size() == 2);
}

TEST_CASE("a bar shows how far it is") {
    CHECK(inspect::progress_bar(0, 10, 4) == "[    ]");
    CHECK(inspect::progress_bar(5, 10, 4) == "[##  ]");
    CHECK(inspect::progress_bar(10, 10, 4) == "[####]");
    CHECK(inspect::progress_bar(99, 10, 4) == "[####]");
    CHECK(inspect::progress_bar(0, 0, 4) == "[####]");
}

TEST_CASE("settings that recipients are taken to have") {
    policy::SettingValues values;
    auto policy = std::make_shared<policy::Policy>();
    policy->asks_settings = true;
    policy::Rules rules;
    CHECK(inspect::note_on_settings(values, rules).empty());
    rules.policy = policy;
    CHECK_FALSE(inspect::note_on_settings(values, rules).empty());
    CHECK(inspect::take_setting(values, "spam=HIGH"));
    CHECK(inspect::note_on_settings(values, rules).empty());
    for (const auto* const bad : {"", "spam", "spam=", "spam=often", "x=y"})
        CHECK_MESSAGE(!inspect::take_setting(values, bad), bad);
    const auto all = inspect::settings_of_all(values, {"a@b", "", {{"c@d", ""}, {"e@f", ""}}});
    REQUIRE(all.size() == 2);
    CHECK(all[1].value(policy::Setting::kSpam) == "high");
    CHECK(all[1].value(policy::Setting::kAttachments) == "normal");
}
