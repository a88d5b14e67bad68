// Other ways of delivery, hours, and what else is done: who gets what, and how it is told.
#include <doctest/doctest.h>

#include "policy/decision.hpp"
#include "policy/explain.hpp"

using policy::Action;
using policy::Cause;
using policy::Condition;
using policy::Outcome;
using policy::Rule;
using policy::Step;

namespace {

const policy::Actions kHeld{Action::kQuarantine, Action::kDefer, Action::kDefer};

Rule rule(std::string name, policy::Final final_action) {
    Rule made;
    made.name = std::move(name);
    made.final_action = std::move(final_action);
    return made;
}

Rule hand_off(std::string name = "away") {
    return rule(std::move(name), {.detour = {{}, "192.0.2.7:25"}});
}

// For one recipient only.
Rule only_for(Rule made, const char* recipient) {
    auto set = std::make_shared<policy::AddressSet>();
    set->add(recipient);
    made.to.any_of = {set};
    return made;
}

struct Mail {
    policy::ScanReport report{};
    mail::Envelope envelope{"s@remote.test", "", {{"a@local.test", ""}, {"b@local.test", ""}}};
    policy::Moment moment{};

    explicit Mail(Outcome outcome = Outcome::kClean) {
        report.results = {{"clamav", outcome, outcome == Outcome::kCannotTell ? Cause::kTimeout : Cause::kNone,
                           outcome == Outcome::kFound ? "Eicar" : "", ""}};
        policy::Item whole;
        whole.kind = policy::Item::Kind::kMessage;
        policy::Item part;
        part.names = {"a.exe"};
        part.entity = 2;
        auto other = part;
        other.names = {"b.txt"};
        report.contents.items = {whole, part, other};
    }

    [[nodiscard]] std::vector<policy::Group> divide(std::vector<Rule> rules, policy::Actions actions = kHeld) const {
        auto policy = std::make_shared<policy::Policy>();
        policy->rules = std::move(rules);
        policy::Facts facts{report, envelope};
        facts.moment = moment;
        return policy::divide(facts, {0, 1}, {true, actions, {}, {}, policy}, true);
    }
};

}  // namespace

TEST_CASE("a rule that hands off, changes recipients or cleans lets no virus through that it does not ask for") {
    for (auto away : {hand_off(), rule("others", {.detour = {{"c@else.test"}, ""}})}) {
        const auto clean = Mail().divide({away});
        REQUIRE(clean.size() == 1);
        CHECK(clean[0].decision.action == Action::kDeliver);
        CHECK(clean[0].decision.detour == away.final_action->detour);
        const auto found = Mail(Outcome::kFound).divide({away});
        REQUIRE(found.size() == 1);
        CHECK(found[0].decision.action == Action::kQuarantine);
        CHECK(found[0].decision.rule == "scanner.clamav action");
        CHECK(found[0].decision.detour.usual());
        CHECK(Mail(Outcome::kCannotTell).divide({away})[0].decision.action == Action::kDefer);
        CHECK(Mail(Outcome::kEncrypted).divide({away})[0].decision.action == Action::kDefer);
        // One that asks for it may: to the host that looks at such mail.
        away.what.children.emplace_back();
        away.what.children[0].kind = Condition::Kind::kVirus;
        const auto asked = Mail(Outcome::kFound).divide({away});
        CHECK(asked[0].decision.action == Action::kDeliver);
        CHECK_FALSE(asked[0].decision.detour.usual());
        CHECK(asked[0].decision.rule.starts_with("rule "));
    }
}

TEST_CASE("what the settings mark goes the way of the rule, marked") {
    const policy::Actions marked{Action::kTagAndDeliver, Action::kDeliverWithMark, Action::kDeliverWithMark};
    const auto groups = Mail(Outcome::kFound).divide({hand_off()}, marked);
    REQUIRE(groups.size() == 1);
    CHECK(groups[0].decision.action == Action::kTagAndDeliver);
    CHECK(groups[0].decision.rule == "scanner.clamav action");
    CHECK(groups[0].decision.detour.server == "192.0.2.7:25");
}

TEST_CASE("recipients with different detours are groups of their own") {
    const auto two = Mail().divide({only_for(hand_off(), "a@local.test")});
    REQUIRE(two.size() == 2);
    CHECK(two[0].recipients == std::vector<std::size_t>{0});
    CHECK(two[0].decision.detour.server == "192.0.2.7:25");
    CHECK(two[1].recipients == std::vector<std::size_t>{1});
    CHECK(two[1].decision.detour.usual());
    const auto others = rule("others", {.detour = {{"c@else.test"}, "192.0.2.7:25"}});
    CHECK(Mail().divide({only_for(hand_off(), "a@local.test"), others}).size() == 2);
    // The same way is the same group, whichever rule says so.
    const auto one = Mail().divide({only_for(hand_off("x"), "a@local.test"), only_for(hand_off("y"), "b@local.test")});
    REQUIRE(one.size() == 1);
    CHECK(one[0].decision.rule == "rule x, and others");
}

TEST_CASE("a delay holds back outside its hours, and within them asks the next rules") {
    const policy::Span night{0x7f, 22 * 60, 6 * 60};
    const auto delay = rule("big", {.action = Action::kDefer, .text = "at night", .hours = night});
    const auto next = rule("next", {.action = Action::kQuarantine, .area = "next"});
    Mail mail;
    mail.moment = {1, 12 * 60};
    auto groups = mail.divide({delay, next});
    REQUIRE(groups.size() == 1);
    CHECK(groups[0].decision.action == Action::kDefer);
    CHECK(groups[0].decision.text == "at night");
    CHECK(groups[0].decision.rule == "rule big");
    CHECK(groups[0].decision.hours == night);
    for (const policy::Moment moment : {policy::Moment{1, 22 * 60}, policy::Moment{2, 6 * 60 - 1}}) {
        mail.moment = moment;
        groups = mail.divide({delay, next});
        REQUIRE(groups.size() == 1);
        CHECK(groups[0].decision.action == Action::kQuarantine);
        CHECK(groups[0].decision.area == "next");
        CHECK_FALSE(groups[0].decision.hours);
        CHECK(mail.divide({delay})[0].decision.action == Action::kDeliver);
    }
    mail.moment = {2, 6 * 60};
    CHECK(mail.divide({delay, next})[0].decision.action == Action::kDefer);
    // A virus waits for no hour.
    Mail virus(Outcome::kFound);
    virus.moment = {1, 12 * 60};
    CHECK(virus.divide({delay})[0].decision.action == Action::kQuarantine);
    CHECK_FALSE(virus.divide({delay})[0].decision.hours);
}

TEST_CASE("recipients who wait for different hours are two groups") {
    const policy::Span night{0x7f, 22 * 60, 6 * 60};
    const policy::Span weekend{0x41, 0, 1440};
    Mail mail;
    mail.moment = {1, 12 * 60};
    const auto one = rule("one", {.action = Action::kDefer, .hours = night});
    const auto other = rule("other", {.action = Action::kDefer, .hours = weekend});
    CHECK(mail.divide({only_for(one, "a@local.test"), other}).size() == 2);
    CHECK(mail.divide({only_for(one, "a@local.test"), one}).size() == 1);
}

TEST_CASE("steps with texts know what made their rule apply, and its name") {
    Rule programs = rule("programs", {});
    programs.what.children.emplace_back();
    programs.what.children[0].kind = Condition::Kind::kExtension;
    programs.what.children[0].words = {"exe"};
    for (const auto kind : {Step::Kind::kStrip, Step::Kind::kNotify, Step::Kind::kStripAll, Step::Kind::kAddHeader})
        programs.steps.push_back({.kind = kind, .notice = std::make_shared<const policy::Notice>()});
    const auto steps = Mail().divide({programs}).at(0).decision.steps;
    REQUIRE(steps.size() == 4);
    CHECK(steps[0].items == std::vector<std::uint16_t>{1});
    CHECK(steps[1].items == std::vector<std::uint16_t>{1});
    CHECK(steps[2].items.empty());
    for (std::size_t i = 0; i < 3; ++i)
        CHECK(steps[i].rule == "programs");
    CHECK(steps[3].rule.empty());
}

TEST_CASE("a decision is told in one line, with all that is done") {
    policy::Decision decision{Action::kDeliver, "clean", "rule r"};
    decision.detour = {{"c@else.test", "d@else.test"}, "[2001:db8::7]:25"};
    const auto stamp = std::make_shared<policy::Stamp>();
    stamp->name = "foot";
    stamp->plain = "Ours.\nTwo lines.\n";
    const auto notice = std::make_shared<policy::Notice>();
    notice->name = "held";
    notice->to_sender = notice->to_postmaster = true;
    notice->addresses = {"x@y.test"};
    notice->subject = "A subject";
    const std::string long_text(100, 'x');
    decision.steps = {{.kind = Step::Kind::kStrip, .name = "stripped", .value = "gone\x1b[0m"},
                      {.kind = Step::Kind::kClean, .name = "viruses", .value = long_text},
                      {.kind = Step::Kind::kStamp, .stamp = stamp},
                      {.kind = Step::Kind::kCopy, .value = "e@f.test"},
                      {.kind = Step::Kind::kArchive, .name = "kept"},
                      {.kind = Step::Kind::kNotify, .notice = notice}};
    CHECK(
        policy::describe_decision(decision) ==
        "deliver to c@else.test d@else.test by [2001:db8::7]:25, rule r; strip (original in area stripped): "
        "\"gone?[0m\"; clean (original in area viruses): \"" +
            std::string(60, 'x') +
            "...\"; stamp foot at the end: \"Ours....\"; copy to e@f.test; archive in area kept; notify held to sender "
            "postmaster x@y.test: \"A subject\", at most 100 an hour to each");

    policy::Decision waits{Action::kDefer, "clean", "rule r"};
    waits.text = "later";
    waits.hours = policy::Span{0b0111110, 8 * 60, 18 * 60};
    CHECK(policy::describe_decision(waits) == "defer until mon-fri 08:00-18:00 \"later\", rule r");
    waits.hours = policy::Span{0b1000001, 0, 1440};
    CHECK(policy::describe_decision(waits) == "defer until sat-sun 00:00-24:00 \"later\", rule r");
    waits.hours = policy::Span{0b0101010, 60, 30};
    CHECK(policy::describe_decision(waits) == "defer until mon,wed,fri 01:00-00:30 \"later\", rule r");
}

TEST_CASE("while the workers are away no rule refuses or throws away what comes again") {
    for (const auto action : {Action::kReject, Action::kDiscard}) {
        for (const auto cause : {Cause::kUnavailable, Cause::kTimeout, Cause::kCrash, Cause::kError}) {
            Mail mail;
            mail.report.results = {{std::string(policy::kWorkers), Outcome::kCannotTell, cause, "", ""}};
            mail.report.contents = {};
            auto groups = mail.divide({rule("strict", {.action = action})});
            REQUIRE(groups.size() == 1);
            CHECK(groups[0].decision.action == Action::kDefer);
            // It may be asked for.
            Rule asked = rule("asked", {.action = action});
            Condition cannot_tell;
            cannot_tell.kind = Condition::Kind::kCannotTell;
            asked.what.children = {cannot_tell};
            CHECK(mail.divide({asked})[0].decision.action == action);
        }
        // Another scanner's failure, or a limit, leaves what was seen as it is.
        Mail mail;
        mail.report.results = {{"icap", Outcome::kCannotTell, Cause::kUnavailable, "", ""}};
        CHECK(mail.divide({rule("strict", {.action = action})})[0].decision.action == action);
        mail.report.results = {
            {std::string(policy::kContentsScanner), Outcome::kCannotTell, Cause::kLimit, "files", ""}};
        CHECK(mail.divide({rule("strict", {.action = action})})[0].decision.action == action);
    }
}

TEST_CASE("what the settings alone say of a report, whatever the rules do") {
    const policy::Rules rules{true, kHeld, {}, {}, nullptr};
    for (const auto outcome : {Outcome::kClean, Outcome::kFound, Outcome::kEncrypted, Outcome::kCannotTell}) {
        const Mail mail(outcome);
        const policy::Facts facts{mail.report, mail.envelope};
        CHECK(policy::settings_deliver(facts, {0, 1}, rules) == (outcome == Outcome::kClean));
    }
    auto tagging = rules;
    tagging.actions.found = Action::kTagAndDeliver;
    const Mail mail(Outcome::kFound);
    CHECK(policy::settings_deliver({mail.report, mail.envelope}, {0, 1}, tagging));
}
