// Rules: for whom, when, in which order; and what they say beside the settings.
#include <doctest/doctest.h>

#include "policy/decision.hpp"
#include "policy/rulings.hpp"

using policy::Action;
using policy::Cause;
using policy::Condition;
using policy::Outcome;
using policy::Rule;
using policy::Step;

namespace {

policy::AddressSetPtr set_of(std::initializer_list<const char*> patterns) {
    auto set = std::make_shared<policy::AddressSet>();
    for (const auto* pattern : patterns)
        set->add(pattern);
    return set;
}

Rule rule(std::string name, std::optional<Action> final_action) {
    Rule made;
    made.name = std::move(name);
    if (final_action)
        made.final_action = policy::Final{.action = *final_action};
    return made;
}

Condition asks(Condition::Kind kind) {
    Condition set;
    set.children.emplace_back();
    set.children[0].kind = kind;
    return set;
}

policy::ScanReport report(Outcome outcome) {
    policy::ScanReport made;
    made.results = {{"clamav", outcome, outcome == Outcome::kCannotTell ? Cause::kLimit : Cause::kNone,
                     outcome == Outcome::kFound ? "Virus" : "", ""}};
    return made;
}

// What is done with a mail of one recipient.
policy::Decision decide(std::vector<Rule> rules, Outcome outcome = Outcome::kClean, policy::Actions actions = {},
                        const char* sender = "s@remote.test") {
    const mail::Envelope envelope{sender, "", {{"r@local.test", ""}}};
    const auto seen = report(outcome);
    auto policy = std::make_shared<policy::Policy>();
    policy->rules = std::move(rules);
    policy->local_domains.add("local.test");
    return policy::divide({seen, envelope}, {0}, {true, actions, {}, {}, policy}, true).at(0).decision;
}

}  // namespace

TEST_CASE("addresses, domains and patterns") {
    const auto set = set_of({"Bob@Example.test", "example.org", "*.example.net", "*@sub.example.com"});
    for (const auto* address : {"bob@example.TEST", "x@example.org", "x@a.example.net", "x@SUB.example.com"})
        CHECK(set->contains(address));
    for (const auto* address : {"rob@example.test", "x@a.example.org", "x@example.net", "x@example.com", "", "bob"})
        CHECK_FALSE(set->contains(address));
    CHECK(set_of({"<>"})->contains(""));
    CHECK(policy::Who{}.includes("anybody@anywhere"));
    CHECK(policy::Who{{set}, {}}.includes("x@example.org"));
    CHECK_FALSE(policy::Who{{set}, {set_of({"x@example.org"})}}.includes("x@example.org"));
    CHECK_FALSE(policy::Who{{}, {set}}.includes("x@example.org"));
}

TEST_CASE("the first final action ends it, what is not final adds up") {
    auto tag = rule("tag", std::nullopt);
    tag.steps = {{Step::Kind::kTagSubject, "", "[X]"}};
    auto field = rule("field", std::nullopt);
    field.steps = {{Step::Kind::kAddHeader, "X-A", "1"}};
    const auto decision = decide({tag, rule("first", Action::kDeliver), field, rule("second", Action::kReject)});
    CHECK(decision.action == Action::kDeliver);
    CHECK(decision.rule == "rule first");
    CHECK(decision.steps == tag.steps);
    const auto both = decide({tag, field});
    CHECK(both.action == Action::kDeliver);
    CHECK(both.rule == "clean");
    CHECK(both.steps.size() == 2);
}

TEST_CASE("a rule that delivers lets no virus through") {
    const policy::Actions actions{Action::kQuarantine, Action::kDefer, Action::kDefer};
    const auto white = rule("white", Action::kDeliver);
    CHECK(decide({white}, Outcome::kClean, actions).action == Action::kDeliver);
    CHECK(decide({white}, Outcome::kFound, actions).action == Action::kQuarantine);
    CHECK(decide({white}, Outcome::kFound, actions).rule == "scanner.clamav action");
    CHECK(decide({white}, Outcome::kCannotTell, actions).action == Action::kDefer);
    CHECK(decide({white}, Outcome::kEncrypted, actions).action == Action::kDefer);
    // But one that asks for it does.
    auto knows = white;
    knows.what = asks(Condition::Kind::kVirus);
    CHECK(decide({knows}, Outcome::kFound, actions).action == Action::kDeliver);
    knows.what = asks(Condition::Kind::kCannotTell);
    CHECK(decide({knows}, Outcome::kCannotTell, actions).action == Action::kDeliver);
    CHECK(decide({knows}, Outcome::kFound, actions).action == Action::kQuarantine);
    knows.what = asks(Condition::Kind::kEncrypted);
    CHECK(decide({knows}, Outcome::kEncrypted, actions).action == Action::kDeliver);
    // Not by being asked for in the negative.
    auto denies = white;
    denies.what = asks(Condition::Kind::kCannotTell);
    denies.what.children[0].negated = true;
    denies.what.any = true;
    Condition always;
    denies.what.children.push_back(always);
    CHECK(decide({denies}, Outcome::kCannotTell, actions).action == Action::kDefer);
}

TEST_CASE("a rule that asks for one failure lets no other one through") {
    const auto done = [](const Condition& condition, std::vector<policy::ScanResult> results) {
        auto knows = rule("knows", Action::kDeliver);
        knows.what.any = true;
        knows.what.children = {condition, Condition{}};  // and holds for every mail
        auto policy = std::make_shared<policy::Policy>();
        policy->rules = {knows};
        policy::ScanReport seen;
        seen.results = std::move(results);
        const mail::Envelope envelope{"s@remote.test", "", {{"r@local.test", ""}}};
        const policy::Actions actions{Action::kQuarantine, Action::kDefer, Action::kDeliverWithMark};
        return policy::divide({seen, envelope}, {0}, {true, actions, {}, {}, policy}, true).at(0).decision.action;
    };
    const policy::ScanResult timeout{"clamav", Outcome::kCannotTell, Cause::kTimeout, "", ""};
    const policy::ScanResult crash{"clamav", Outcome::kCannotTell, Cause::kCrash, "", ""};
    const policy::ScanResult limits{"contents", Outcome::kCannotTell, Cause::kLimit, "layers ratio", ""};
    const policy::ScanResult virus{"clamd a", Outcome::kFound, Cause::kNone, "Eicar", ""};
    const policy::ScanResult encrypted{"clamav", Outcome::kEncrypted, Cause::kNone, "Heuristics.Encrypted.Zip", ""};
    using Kind = Condition::Kind;
    const auto asking = [](Kind kind, std::vector<std::uint32_t> numbers, std::vector<std::string> words = {}) {
        Condition condition;
        condition.kind = kind;
        condition.numbers = std::move(numbers);
        condition.words = std::move(words);
        return condition;
    };
    const auto number = [](auto value) { return static_cast<std::uint32_t>(value); };
    const auto on_timeout = asking(Kind::kCannotTell, {number(Cause::kTimeout)});
    CHECK(done(on_timeout, {timeout}) == Action::kDeliver);
    CHECK(done(on_timeout, {crash}) == Action::kDefer);
    CHECK(done(on_timeout, {timeout, crash}) == Action::kDefer);
    CHECK(done(on_timeout, {timeout, virus}) == Action::kQuarantine);
    CHECK(done(on_timeout, {timeout, encrypted}) == Action::kDeliverWithMark);
    CHECK(done(on_timeout, {}) == Action::kDefer);
    CHECK(done(asking(Kind::kCannotTell, {}), {}) == Action::kDeliver);
    CHECK(done(asking(Kind::kCannotTell, {}), {timeout, crash, limits}) == Action::kDeliver);
    const auto layers = number(policy::ContentLimit::kLayers);
    const auto ratio = number(policy::ContentLimit::kRatio);
    CHECK(done(asking(Kind::kLimit, {layers}), {limits}) == Action::kDefer);
    CHECK(done(asking(Kind::kLimit, {layers, ratio}), {limits}) == Action::kDeliver);
    CHECK(done(asking(Kind::kLimit, {}), {limits}) == Action::kDeliver);
    CHECK(done(asking(Kind::kLimit, {}), {timeout}) == Action::kDefer);
    CHECK(done(asking(Kind::kVirus, {}, {"eicar"}), {virus}) == Action::kDeliver);
    CHECK(done(asking(Kind::kVirus, {}, {"other*"}), {virus}) == Action::kQuarantine);
    CHECK(done(asking(Kind::kScanner, {number(Outcome::kFound)}, {"clamd a"}), {virus}) == Action::kDeliver);
    CHECK(done(asking(Kind::kScanner, {number(Outcome::kFound)}, {"clamav"}), {virus}) == Action::kQuarantine);
    CHECK(done(asking(Kind::kScanner, {number(Outcome::kClean)}, {"clamd a"}), {virus}) == Action::kQuarantine);
    CHECK(done(asking(Kind::kEncrypted, {}), {encrypted}) == Action::kDeliver);
    CHECK(done(asking(Kind::kEncrypted, {}), {encrypted, crash}) == Action::kDefer);
}

TEST_CASE("of a rule and the settings, what keeps more back is done") {
    struct Row {
        Outcome outcome;
        Action by_settings;
        Action by_rule;
        Action done;
    };
    for (const auto& row : {
             Row{Outcome::kCannotTell, Action::kDefer, Action::kQuarantine, Action::kQuarantine},
             Row{Outcome::kCannotTell, Action::kDefer, Action::kReject, Action::kReject},
             Row{Outcome::kCannotTell, Action::kQuarantine, Action::kDefer, Action::kQuarantine},
             Row{Outcome::kCannotTell, Action::kDeliverWithMark, Action::kDeliver, Action::kDeliverWithMark},
             Row{Outcome::kCannotTell, Action::kDeliverWithMark, Action::kDefer, Action::kDefer},
             Row{Outcome::kFound, Action::kQuarantine, Action::kReject, Action::kQuarantine},
             Row{Outcome::kFound, Action::kQuarantine, Action::kDiscard, Action::kDiscard},
             Row{Outcome::kFound, Action::kTagAndDeliver, Action::kReject, Action::kReject},
             Row{Outcome::kFound, Action::kReject, Action::kQuarantine, Action::kReject},
             Row{Outcome::kFound, Action::kDiscard, Action::kQuarantine, Action::kDiscard},
             Row{Outcome::kFound, Action::kTagAndDeliver, Action::kDeliver, Action::kTagAndDeliver},
         }) {
        CAPTURE(static_cast<int>(row.by_settings));
        CAPTURE(static_cast<int>(row.by_rule));
        const policy::Actions actions{row.by_settings, row.by_settings, row.by_settings};
        CHECK(decide({rule("it", row.by_rule)}, row.outcome, actions).action == row.done);
    }
}

TEST_CASE("a bounce is never refused by a rule either") {
    const auto decision = decide({rule("no", Action::kReject)}, Outcome::kClean, {}, "");
    CHECK(decision.action == Action::kQuarantine);
    CHECK(decision.rule == "rule no, but never a 5xx to <>");
}

TEST_CASE("for whom a rule is") {
    auto only = rule("only", Action::kReject);
    only.from.any_of = {set_of({"remote.test"})};
    CHECK(decide({only}).action == Action::kReject);
    only.from.any_of = {set_of({"other.test"})};
    CHECK(decide({only}).action == Action::kDeliver);
    only.from = {};
    only.to.none_of = {set_of({"r@local.test"})};
    CHECK(decide({only}).action == Action::kDeliver);
    only.to = {};
    only.direction = policy::Direction::kIncoming;
    CHECK(decide({only}).action == Action::kReject);
    only.direction = policy::Direction::kOutgoing;
    CHECK(decide({only}).action == Action::kDeliver);
}

TEST_CASE("when a rule is in force") {
    const policy::Span office{0b0111110, 8 * 60, 18 * 60};
    CHECK(office.contains({1, 480}));
    CHECK(office.contains({5, 1079}));
    CHECK_FALSE(office.contains({5, 1080}));
    CHECK_FALSE(office.contains({1, 479}));
    CHECK_FALSE(office.contains({0, 600}));
    const policy::Span night{0b0100000, 22 * 60, 6 * 60};  // Friday's
    CHECK(night.contains({5, 1320}));
    CHECK(night.contains({6, 359}));
    CHECK_FALSE(night.contains({6, 360}));
    CHECK_FALSE(night.contains({5, 359}));
    CHECK_FALSE(night.contains({6, 1320}));
    CHECK(policy::Span{0x7f, 0, 1440}.contains({0, 1439}));

    auto nightly = rule("nightly", Action::kReject);
    nightly.when = {night};
    CHECK(decide({nightly}).action == Action::kDeliver);  // the sample's moment is Sunday, 0:00
    nightly.when.push_back({1, 0, 1});
    CHECK(decide({nightly}).action == Action::kReject);
}

TEST_CASE("recipients with whom the same is done are one group") {
    auto policy = std::make_shared<policy::Policy>();
    auto lists = rule("lists", Action::kQuarantine);
    lists.to.any_of = {set_of({"lists.test"})};
    lists.final_action->area = "lists";
    auto other = rule("other", Action::kQuarantine);
    other.to.any_of = {set_of({"held.test"})};
    auto tag = rule("tag", std::nullopt);
    tag.to.any_of = {set_of({"tagged.test"})};
    tag.steps = {{Step::Kind::kAddHeader, "X-A", "1"}};
    policy->rules = {lists, other, tag};
    const mail::Envelope envelope{"s@x",
                                  "",
                                  {{"a@lists.test", ""},
                                   {"b@held.test", ""},
                                   {"c@plain.test", ""},
                                   {"d@tagged.test", ""},
                                   {"e@lists.test", ""},
                                   {"f@plain.test", ""}}};
    const auto seen = report(Outcome::kClean);
    const auto groups = policy::divide({seen, envelope}, {0, 1, 2, 3, 4, 5}, {true, {}, {}, {}, policy}, true);
    REQUIRE(groups.size() == 4);
    CHECK(groups[0].decision.area == "lists");
    CHECK(groups[0].recipients == std::vector<std::size_t>{0, 4});
    CHECK(groups[1].recipients == std::vector<std::size_t>{1});
    CHECK(groups[2].recipients == std::vector<std::size_t>{2, 5});
    CHECK(groups[3].recipients == std::vector<std::size_t>{3});
    CHECK(groups[3].decision.steps == tag.steps);
}

TEST_CASE("what was tried can be told") {
    policy::Policy policy;
    auto elsewhere = rule("elsewhere", Action::kReject);
    elsewhere.to.any_of = {set_of({"other.test"})};
    auto later = rule("later", Action::kReject);
    later.when = {{0b10, 0, 1440}};
    auto big = rule("big", Action::kReject);
    big.what = asks(Condition::Kind::kMessageSize);
    big.what.children[0].number = 100;
    big.what.children[0].text = "message_size > 100";
    auto small = rule("small", Action::kDeliver);
    small.what = asks(Condition::Kind::kMessageSize);
    small.what.children[0].number = 1;
    policy.rules = {elsewhere, later, big, small, rule("never", Action::kDiscard)};
    const auto seen = report(Outcome::kClean);
    const mail::Envelope envelope{"s@x", "", {{"r@local.test", ""}}};
    policy::Facts facts{seen, envelope};
    facts.size = 7;
    std::vector<policy::Tried> tried;
    const auto ruling = policy::rule_on(policy, facts, 0, &tried);
    CHECK(ruling.rule == "small");
    REQUIRE(tried.size() == 4);
    using Result = policy::Tried::Result;
    CHECK(tried[0].result == Result::kNotForThem);
    CHECK(tried[1].result == Result::kNotNow);
    CHECK(tried[2].result == Result::kNoMatch);
    REQUIRE(tried[2].questions.size() == 1);
    CHECK(tried[2].questions[0].text == "message_size > 100");
    CHECK(tried[2].questions[0].seen == "7");
    CHECK(tried[3].result == Result::kMatch);
    // The same is decided when nobody listens.
    CHECK(policy::rule_on(policy, facts, 0).rule == "small");
}

TEST_CASE("what is asked once for all recipients is what is asked for each") {
    auto programs = rule("programs", Action::kQuarantine);
    programs.what = asks(Condition::Kind::kVirus);
    programs.to.any_of = {set_of({"a@local.test", "b@local.test", "c@local.test"})};
    auto incoming = rule("incoming", std::nullopt);
    incoming.direction = policy::Direction::kIncoming;
    incoming.steps = {{Step::Kind::kTagSubject, "", "[X]"}};
    auto others = rule("others", Action::kReject);
    others.from.none_of = {set_of({"s@remote.test", "x@remote.test", "y@remote.test"})};
    auto last = rule("last", Action::kDefer);
    last.what = asks(Condition::Kind::kVirus);
    policy::Policy policy;
    policy.rules = {programs, incoming, others, last};
    policy.local_domains.add("local.test");
    for (const auto outcome : {Outcome::kClean, Outcome::kFound}) {
        for (const auto* sender : {"s@remote.test", "z@remote.test"}) {
            mail::Envelope envelope{sender, "", {}};
            for (const auto* recipient :
                 {"a@local.test", "d@local.test", "a@world.test", "b@local.test", "A@local.test"})
                envelope.recipients.push_back({recipient, ""});
            const auto seen = report(outcome);
            const policy::Facts facts{seen, envelope};
            policy::Rulings rulings(policy, facts);
            for (std::size_t recipient = 0; recipient < envelope.recipients.size(); ++recipient) {
                CAPTURE(recipient);
                std::vector<policy::Tried> tried;
                const auto each = policy::rule_on(policy, facts, recipient, &tried);
                const auto once = rulings.on(recipient);
                CHECK(once.rule == each.rule);
                CHECK(once.rules == each.rules);
                CHECK(once.steps == each.steps);
            }
        }
    }
}
