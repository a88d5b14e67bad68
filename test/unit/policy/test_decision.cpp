#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "policy/decision.hpp"

namespace {

using policy::Action;
using policy::Cause;
using policy::Outcome;
using policy::ScanReport;
using policy::ScanResult;

constexpr Action kActions[] = {Action::kDeliver,    Action::kTagAndDeliver, Action::kDeliverWithMark,
                               Action::kQuarantine, Action::kReject,        Action::kDiscard,
                               Action::kDefer};
constexpr Outcome kOutcomes[] = {Outcome::kClean, Outcome::kFound, Outcome::kEncrypted, Outcome::kCannotTell};

ScanResult result(Outcome outcome) {
    switch (outcome) {
        case Outcome::kClean:
            return {"clamav", outcome, Cause::kNone, "", ""};
        case Outcome::kFound:
            return {"clamav", outcome, Cause::kNone, "Eicar-Signature", ""};
        case Outcome::kEncrypted:
            return {"clamav", outcome, Cause::kNone, "Heuristics.Encrypted.Zip", ""};
        case Outcome::kCannotTell:
            break;
    }
    return {"clamav", Outcome::kCannotTell, Cause::kTimeout, "", "60 s"};
}

ScanReport report_of(const std::vector<Outcome>& outcomes) {
    ScanReport report;
    for (const auto outcome : outcomes)
        report.results.push_back(result(outcome));
    return report;
}

mail::Envelope from(std::string sender) {
    return {std::move(sender), "", {{"bob@example.test", ""}}};
}

// What becomes of a mail with one recipient.
policy::Decision decide(const ScanReport& report, const mail::Envelope& envelope, const policy::Rules& rules) {
    const auto groups = policy::divide({report, envelope}, {0}, rules, true);
    REQUIRE(groups.size() == 1);
    REQUIRE(groups[0].recipients == std::vector<std::size_t>{0});
    return groups[0].decision;
}

bool is_one_of(Action action, std::initializer_list<Action> actions) {
    return std::find(actions.begin(), actions.end(), action) != actions.end();
}

bool contains(const std::vector<Outcome>& outcomes, Outcome outcome) {
    return std::find(outcomes.begin(), outcomes.end(), outcome) != outcomes.end();
}

}  // namespace

TEST_CASE("one result leads to the action that its setting names, which is written down") {
    const policy::Rules rules{true, {Action::kReject, Action::kQuarantine, Action::kDeliverWithMark}, {}};
    struct Case {
        Outcome outcome;
        Action action;
        const char* verdict;
        const char* rule;
    };
    for (const auto& c : std::vector<Case>{
             {Outcome::kClean, Action::kDeliver, "clean", "clean"},
             {Outcome::kFound, Action::kReject, "found Eicar-Signature", "scanner.clamav action"},
             {Outcome::kCannotTell, Action::kQuarantine, "cannot tell (timeout)", "scanner.clamav failure_action"},
             {Outcome::kEncrypted, Action::kDeliverWithMark, "encrypted Heuristics.Encrypted.Zip",
              "scanner.clamav encrypted_action"},
         }) {
        CAPTURE(c.verdict);
        const auto decision = decide(report_of({c.outcome}), from("a@b"), rules);
        CHECK(decision.action == c.action);
        CHECK(decision.verdict == c.verdict);
        CHECK(decision.rule == c.rule);
    }
}

TEST_CASE("the defaults hold what is found and defer what is not known") {
    const policy::Rules rules;
    CHECK(decide(report_of({Outcome::kFound}), from("a@b"), rules).action == Action::kQuarantine);
    CHECK(decide(report_of({Outcome::kCannotTell}), from("a@b"), rules).action == Action::kDefer);
    CHECK(decide(report_of({Outcome::kEncrypted}), from("a@b"), rules).action == Action::kDefer);
    CHECK(decide(report_of({Outcome::kClean}), from("a@b"), rules).action == Action::kDeliver);
}

TEST_CASE("every rule with every one, two or three results: the worst decides, and nothing unclean goes out unmarked") {
    std::vector<std::vector<Outcome>> reports{{}};
    for (const auto a : kOutcomes) {
        reports.push_back({a});
        for (const auto b : kOutcomes) {
            reports.push_back({a, b});
            for (const auto c : kOutcomes)
                reports.push_back({a, b, c});
        }
    }
    std::size_t decisions = 0;
    for (const auto& outcomes : reports) {
        for (const auto found : kActions) {
            for (const auto failure : kActions) {
                for (const auto encrypted : kActions) {
                    for (const auto* sender : {"a@b", ""}) {
                        const policy::Rules rules{true, {found, failure, encrypted}, {}};
                        const auto action = decide(report_of(outcomes), from(sender), rules).action;
                        ++decisions;
                        const auto unknown = [](Action rule) {
                            return is_one_of(rule, {Action::kDefer, Action::kQuarantine, Action::kDeliverWithMark})
                                       ? rule
                                       : Action::kDefer;
                        };
                        Action expected = Action::kDeliver;
                        if (contains(outcomes, Outcome::kFound)) {
                            expected = is_one_of(found, {Action::kQuarantine, Action::kReject, Action::kDiscard,
                                                         Action::kTagAndDeliver})
                                           ? found
                                           : Action::kDefer;
                            if (expected == Action::kReject && *sender == '\0')
                                expected = Action::kQuarantine;
                        } else if (outcomes.empty() || contains(outcomes, Outcome::kCannotTell)) {
                            expected = unknown(failure);
                            if (contains(outcomes, Outcome::kEncrypted) && encrypted != Action::kDeliver &&
                                policy::goes_before(unknown(encrypted), expected))
                                expected = unknown(encrypted);
                        } else if (contains(outcomes, Outcome::kEncrypted)) {
                            expected = encrypted == Action::kDeliver ? encrypted : unknown(encrypted);  // ignored
                        }
                        REQUIRE(action == expected);
                    }
                }
            }
        }
    }
    CHECK(decisions == 85 * 7 * 7 * 7 * 2);
}

TEST_CASE("a message from the null sender is quarantined where another is rejected, and the rule says so") {
    const policy::Rules rules{true, {Action::kReject, Action::kDefer, Action::kDefer}, {}};
    const auto decision = decide(report_of({Outcome::kFound}), from(""), rules);
    CHECK(decision.action == Action::kQuarantine);
    CHECK(decision.rule == "scanner.clamav action, but never a 5xx to <>");
}

TEST_CASE("without scanning everything is delivered, and the verdict does not say clean") {
    const policy::Rules rules{false, {Action::kReject, Action::kDefer, Action::kDefer}, {}};
    for (const auto outcome : kOutcomes) {
        const auto decision = decide(report_of({outcome}), from("a@b"), rules);
        CHECK(decision.action == Action::kDeliver);
        CHECK(decision.verdict == "not scanned");
        CHECK(decision.rule == "scanner.clamav enable");
    }
}

TEST_CASE("an empty report while scanning is unknown, not clean") {
    const auto decision = decide({}, from("a@b"), {});
    CHECK(decision.action == Action::kDefer);
    CHECK(decision.verdict == "cannot tell (unavailable)");
}

TEST_CASE("an outcome that is none of the known ones is unknown, not clean") {
    ScanReport report = report_of({Outcome::kClean});
    report.results.push_back({"clamav", static_cast<Outcome>(77), Cause::kNone, "", ""});
    CHECK(decide(report, from("a@b"), {}).action == Action::kDefer);
}

TEST_CASE("the summary names the worst, each name once") {
    CHECK(policy::summary(report_of({Outcome::kClean, Outcome::kClean})) == "clean");
    auto report = report_of({Outcome::kClean, Outcome::kFound, Outcome::kFound, Outcome::kCannotTell});
    CHECK(policy::summary(report) == "found Eicar-Signature");
    report.results.push_back({"patterns", Outcome::kFound, Cause::kNone, "Card-Number", ""});
    CHECK(policy::summary(report) == "found Eicar-Signature, Card-Number");
    auto unknown = policy::cannot_tell("clamav", Cause::kCrash, "signal 11");
    CHECK(policy::summary(unknown) == "cannot tell (crash)");
    unknown.results.push_back(result(Outcome::kCannotTell));
    CHECK(policy::summary(unknown) == "cannot tell (crash, timeout)");
    report = {};
    report.results.push_back({"clamav", Outcome::kFound, Cause::kNone, "", ""});
    CHECK(policy::summary(report) == "found");
}

TEST_CASE("a name from a worker cannot end the header field that it is put in") {
    ScanReport report;
    report.results.push_back({"clamav", Outcome::kFound, Cause::kNone, "a\r\nX-Forged: b\x1b\xc3", ""});
    CHECK(policy::summary(report) == "found a??X-Forged: b??");
    for (int i = 0; i < 100; ++i)
        report.results.push_back(
            {"clamav", Outcome::kFound, Cause::kNone, std::to_string(i) + std::string(250, 'x'), ""});
    CHECK(policy::summary(report).size() <= 400);
    CHECK(policy::summary(report).ends_with("..."));
}

TEST_CASE("a report of a message that nothing could look at keeps scanner, cause and detail") {
    const auto report = policy::cannot_tell("clamav", Cause::kUnavailable, "no worker");
    REQUIRE(report.results.size() == 1);
    CHECK(report.results[0].scanner == "clamav");
    CHECK(report.results[0].outcome == Outcome::kCannotTell);
    CHECK(report.results[0].cause == Cause::kUnavailable);
    CHECK(report.results[0].detail == "no worker");
}

TEST_CASE("every action, outcome and cause has a word of its own") {
    std::vector<std::string_view> words;
    for (const auto action : kActions)
        words.push_back(policy::to_string(action));
    CHECK(words == std::vector<std::string_view>{"deliver", "tag-and-deliver", "deliver-with-mark", "quarantine",
                                                 "reject", "discard", "defer"});
    words.clear();
    for (const auto outcome : kOutcomes)
        words.push_back(policy::to_string(outcome));
    CHECK(words == std::vector<std::string_view>{"clean", "found", "encrypted", "cannot tell"});
    words.clear();
    for (const auto cause : {Cause::kNone, Cause::kTimeout, Cause::kLimit, Cause::kCrash, Cause::kError,
                             Cause::kUnavailable, Cause::kMalformed, Cause::kStale})
        words.push_back(policy::to_string(cause));
    CHECK(words == std::vector<std::string_view>{"none", "timeout", "limit", "crash", "error", "unavailable",
                                                 "malformed", "stale"});
}

TEST_CASE("a mail that is held for another reason is held for everybody, whatever was decided, and says both") {
    for (const auto action : kActions) {
        const auto all = policy::held(
            {{{action, "found X", "scanner.clamav action"}, {1, 3}}, {{Action::kDeliver, "clean", "clean"}, {0, 2}}},
            "data_after_dot");
        CHECK(all.decision.action == Action::kQuarantine);
        CHECK(all.decision.verdict == "data_after_dot, found X");
        CHECK(all.decision.rule == "data_after_dot");
        CHECK(all.recipients == std::vector<std::size_t>{0, 1, 2, 3});
    }
    CHECK(policy::held({}, "data_after_dot").decision.verdict == "data_after_dot");
}

TEST_CASE("each scanner has actions of its own, and of those with the worst result the first in the order counts") {
    const policy::Rules rules{true,
                              {Action::kReject, Action::kDeliverWithMark, Action::kDeliverWithMark},
                              {{"own@x.test", {Action::kDiscard, std::nullopt}}},
                              {{"clamd a", {Action::kQuarantine, Action::kDefer, Action::kQuarantine}},
                               {"icap b", {Action::kTagAndDeliver, Action::kQuarantine, Action::kDefer}}}};
    const auto said = [](std::string scanner, Outcome outcome) {
        auto one = result(outcome);
        one.scanner = std::move(scanner);
        return one;
    };
    struct Case {
        std::vector<ScanResult> results;
        Action action;
        const char* rule;
    };
    const auto kFound = Outcome::kFound;
    const auto kUnknown = Outcome::kCannotTell;
    for (const auto& c : std::vector<Case>{
             {{said("clamav", kFound)}, Action::kReject, "scanner.clamav action"},
             {{said("clamd a", kFound)}, Action::kQuarantine, "scanner.clamd a action"},
             {{said("icap b", kFound)}, Action::kTagAndDeliver, "scanner.icap b action"},
             {{said("clamav", kFound), said("clamd a", kFound)}, Action::kQuarantine, "scanner.clamd a action"},
             {{said("icap b", kFound), said("clamav", kFound)}, Action::kReject, "scanner.clamav action"},
             {{said("icap b", kFound), said("clamd a", kUnknown)}, Action::kTagAndDeliver, "scanner.icap b action"},
             {{said("icap b", kUnknown), said("clamav", kUnknown)},
              Action::kQuarantine,
              "scanner.icap b failure_action"},
             {{said("icap b", kUnknown), said("clamd a", kUnknown)}, Action::kDefer, "scanner.clamd a failure_action"},
             {{said("clamd a", Outcome::kEncrypted), said("clamav", Outcome::kClean)},
              Action::kQuarantine,
              "scanner.clamd a encrypted_action"},
             {{said("clamd a", Outcome::kEncrypted), said("icap b", kUnknown)},
              Action::kQuarantine,
              "scanner.icap b failure_action"},
             {{said("worker", kUnknown)}, Action::kDeliverWithMark, "scanner.clamav failure_action"},
             {{}, Action::kDeliverWithMark, "scanner.clamav failure_action"},
         }) {
        CAPTURE(c.rule);
        ScanReport report;
        report.results = c.results;
        const auto decision = decide(report, from("a@b"), rules);
        CHECK(decision.action == c.action);
        CHECK(decision.rule == c.rule);
    }
    // What a recipient's section says counts for every scanner; what it does not say is each scanner's own.
    mail::Envelope special{"a@b", "", {{"own@x.test", ""}}};
    ScanReport report;
    report.results = {said("clamd a", kFound)};
    CHECK(decide(report, special, rules).action == Action::kDiscard);
    CHECK(decide(report, special, rules).rule == "recipients own@x.test action");
    report.results = {said("clamd a", kUnknown)};
    CHECK(decide(report, special, rules).action == Action::kDefer);
    CHECK(decide(report, special, rules).rule == "scanner.clamd a failure_action");
}
