// The failure matrix: what every cell of it does, through divide().
#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "mail/mime/defect.hpp"
#include "policy/decision.hpp"
#include "policy/explain.hpp"

using policy::Action;
using policy::Actions;
using policy::Cause;
using policy::Failure;
using policy::Outcome;
using policy::Rules;
using policy::ScanResult;

namespace {

constexpr Action kCellActions[] = {Action::kDefer, Action::kQuarantine, Action::kDeliverWithMark, Action::kDeliver};
const char* const kScanners[] = {"clamav", "clamd a", "icap b", "check c", "contents"};

// A result that falls into this column.
ScanResult failing(std::string scanner, Failure failure) {
    switch (failure) {
        case Failure::kDown:
            return {std::move(scanner), Outcome::kCannotTell, Cause::kUnavailable, "", ""};
        case Failure::kTimeout:
            return {std::move(scanner), Outcome::kCannotTell, Cause::kTimeout, "", ""};
        case Failure::kError:
            return {std::move(scanner), Outcome::kCannotTell, Cause::kCrash, "", ""};
        case Failure::kLimit:
            return {std::move(scanner), Outcome::kCannotTell, Cause::kLimit, "layers", ""};
        case Failure::kEncrypted:
            return {std::move(scanner), Outcome::kEncrypted, Cause::kNone, "Heuristics.Encrypted.Zip", ""};
        case Failure::kMalformed:
            return {std::move(scanner), Outcome::kCannotTell, Cause::kMalformed, "", ""};
        case Failure::kStale:
            break;
    }
    return {std::move(scanner), Outcome::kCannotTell, Cause::kStale, "", ""};
}

ScanResult clean(std::string scanner) {
    return {std::move(scanner), Outcome::kClean, Cause::kNone, "", ""};
}

// Every scanner has a row that says nothing, but for what the test sets.
Rules matrix() {
    Rules rules;
    for (const auto* const scanner : {"clamd a", "icap b", "check c"})
        rules.scanners.push_back({scanner, {}});
    rules.scanners.push_back({"contents", {std::nullopt, std::nullopt}});
    return rules;
}

Actions& row(Rules& rules, std::string_view scanner) {
    for (auto& one : rules.scanners)
        if (one.scanner == scanner)
            return one.actions;
    return rules.actions;
}

policy::Decision decide(const policy::ScanReport& report, const Rules& rules, const char* recipient = "r@local.test") {
    const mail::Envelope envelope{"s@remote.test", "", {{recipient, ""}}};
    return policy::divide({report, envelope}, {0}, rules, true).at(0).decision;
}

policy::Decision decide(std::vector<ScanResult> results, const Rules& rules, const char* recipient = "r@local.test") {
    policy::ScanReport report;
    report.results = std::move(results);
    return decide(report, rules, recipient);
}

std::string setting(std::string_view scanner, std::string_view key) {
    return (scanner == "contents" ? "content " : "scanner." + std::string(scanner) + " ") + std::string(key);
}

policy::PolicyPtr one_rule(policy::Condition condition, Action action) {
    policy::Rule rule;
    rule.name = "r";
    rule.what.children = {std::move(condition)};
    rule.final_action = policy::Final{action};
    auto made = std::make_shared<policy::Policy>();
    made->rules = {rule};
    return made;
}

policy::Condition asks(policy::Condition::Kind kind, std::vector<std::uint32_t> numbers = {}) {
    policy::Condition condition;
    condition.kind = kind;
    condition.numbers = std::move(numbers);
    return condition;
}

policy::ScanReport malformed() {
    policy::ScanReport report;
    report.results = {clean("clamav")};
    report.contents.items.resize(1);
    report.contents.defects = mail::mime::bit(mail::mime::Defect::kManyTypes);
    REQUIRE(mail::mime::is_malformed(report.contents.defects));
    return report;
}

}  // namespace

TEST_CASE("every cell of every scanner with every action") {
    int cells = 0;
    for (const auto* const scanner : kScanners)
        for (const auto failure : policy::kFailures)
            for (const auto action : kCellActions) {
                CAPTURE(scanner);
                CAPTURE(policy::to_string(failure));
                CAPTURE(policy::to_string(action));
                auto rules = matrix();
                row(rules, scanner).of(failure) = action;
                const auto decision = decide({clean("other"), failing(scanner, failure)}, rules);
                CHECK(decision.action == action);
                // A fact of looking inside is passed over without a word, as it is when nothing is set.
                const bool fact = std::string_view(scanner) == "contents" &&
                                  (failure == Failure::kEncrypted || failure == Failure::kMalformed);
                if (fact && action == Action::kDeliver)
                    CHECK(decision.rule == "clean");
                else
                    CHECK(decision.rule == setting(scanner, policy::key_of(failure)));
                const bool ignored = decision.verdict.starts_with("clean");
                CHECK(ignored == (action == Action::kDeliver));
                CHECK((decision.verdict.find("ignored: ") != std::string::npos) == (ignored && !fact));
                // No other cell of the row, and not this one of another row.
                for (const auto other : policy::kFailures)
                    if (other != failure && !(fact || other == Failure::kEncrypted || other == Failure::kMalformed))
                        CHECK(decide({failing(scanner, other)}, rules).action == Action::kDefer);
                const auto* const neighbour = std::string_view(scanner) == "icap b" ? "clamd a" : "icap b";
                CHECK(decide({failing(neighbour, failure)}, rules).action == Action::kDefer);
                ++cells;
            }
    CHECK(cells == 5 * 7 * 4);
}

TEST_CASE("a cell that is not set follows failure_action of its row; of looking inside, that of ClamAV") {
    for (const auto action : {Action::kDefer, Action::kQuarantine, Action::kDeliverWithMark})
        for (const auto failure : policy::kFailures) {
            for (const auto* const scanner : {"clamav", "clamd a", "icap b", "check c"}) {
                auto rules = matrix();
                row(rules, scanner).failure = action;
                const auto decision = decide({failing(scanner, failure)}, rules);
                CHECK(decision.action == action);
                CHECK(decision.rule == setting(scanner, "failure_action"));
            }
            auto rules = matrix();
            rules.actions.failure = action;
            rules.actions.of(failure) = Action::kDeliver;  // is about ClamAV alone
            const auto decision = decide({clean("clamav"), failing("contents", failure)}, rules);
            const bool fact = failure == Failure::kEncrypted || failure == Failure::kMalformed;
            CHECK(decision.action == (fact ? Action::kDeliver : action));
            CHECK(decision.rule == (fact ? "clean" : "scanner.clamav failure_action"));
        }
}

TEST_CASE("what is not permitted becomes defer, and failure_action cannot ignore") {
    for (const auto action : {Action::kTagAndDeliver, Action::kReject, Action::kDiscard})
        for (const auto failure : policy::kFailures) {
            auto rules = matrix();
            rules.actions.of(failure) = action;
            CHECK(decide({failing("clamav", failure)}, rules).action == Action::kDefer);
        }
    auto rules = matrix();
    rules.actions.failure = Action::kDeliver;
    CHECK(decide({failing("clamav", Failure::kTimeout)}, rules).action == Action::kDefer);
}

TEST_CASE("every cell of a recipients section counts for every scanner, and for nobody else") {
    for (const auto* const scanner : kScanners)
        for (const auto failure : policy::kFailures)
            for (const auto action : kCellActions) {
                auto rules = matrix();
                rules.recipients = {{"own.test", {std::nullopt, std::nullopt}}};
                rules.recipients[0].actions.of(failure) = action;
                const std::vector<ScanResult> results{clean("other"), failing(scanner, failure)};
                CHECK(decide(results, rules, "r@own.test").action == action);
                CHECK(decide(results, rules, "r@own.test").rule ==
                      (action == Action::kDeliver && decide(results, rules, "r@own.test").verdict == "clean"
                           ? "clean"
                           : "recipients own.test " + policy::key_of(failure)));
                CHECK(decide(results, rules).action == decide(results, matrix()).action);
            }
}

TEST_CASE("failure_action of a recipients section: all but what is encrypted, and broken MIME") {
    for (const auto* const scanner : kScanners)
        for (const auto failure : policy::kFailures) {
            auto rules = matrix();
            rules.recipients = {{"own.test", {std::nullopt, Action::kQuarantine}}};
            const bool inside = std::string_view(scanner) == "contents";
            const bool covered = failure != Failure::kEncrypted && !(inside && failure == Failure::kMalformed);
            const auto without = inside && (failure == Failure::kEncrypted || failure == Failure::kMalformed)
                                     ? Action::kDeliver
                                     : Action::kDefer;
            CHECK(decide({clean("other"), failing(scanner, failure)}, rules, "r@own.test").action ==
                  (covered ? Action::kQuarantine : without));
        }
}

TEST_CASE("what is ignored is told, and hides nothing else") {
    auto rules = matrix();
    row(rules, "clamd a").timeout = Action::kDeliver;
    row(rules, "icap b").down = Action::kDeliver;
    const auto timeout = failing("clamd a", Failure::kTimeout);
    const auto down = failing("icap b", Failure::kDown);
    CHECK(decide({timeout, clean("clamav")}, rules).verdict == "clean, ignored: clamd a timeout");
    CHECK(decide({timeout, clean("clamav")}, rules).rule == "scanner.clamd a timeout_action");
    CHECK(decide({timeout, down}, rules).verdict == "not scanned, ignored: clamd a timeout, icap b down");
    CHECK(decide({timeout, down}, rules).action == Action::kDeliver);
    const ScanResult virus{"clamav", Outcome::kFound, Cause::kNone, "Worm.A", ""};
    CHECK(decide({timeout, virus}, rules).action == Action::kQuarantine);
    CHECK(decide({timeout, virus}, rules).verdict == "found Worm.A, ignored: clamd a timeout");
    CHECK(decide({timeout, failing("check c", Failure::kError)}, rules).action == Action::kDefer);
    CHECK(decide({timeout, failing("icap b", Failure::kTimeout)}, rules).rule == "scanner.icap b failure_action");
}

TEST_CASE("stale signatures: what they find is found, what they call clean is not known") {
    auto rules = matrix();
    rules.actions.stale = Action::kDeliverWithMark;
    const auto stale = failing("clamav", Failure::kStale);
    CHECK(decide({clean("clamav"), stale}, rules).action == Action::kDeliverWithMark);
    CHECK(decide({clean("clamav"), stale}, rules).verdict == "cannot tell (stale)");
    const ScanResult virus{"clamav", Outcome::kFound, Cause::kNone, "Worm.A", ""};
    CHECK(decide({virus, stale}, rules).action == Action::kQuarantine);
    CHECK(decide({virus, stale}, rules).verdict == "found Worm.A");
    rules.actions.encrypted = Action::kQuarantine;
    CHECK(decide({failing("clamav", Failure::kEncrypted), stale}, rules).action == Action::kQuarantine);
    CHECK(decide({failing("clamav", Failure::kEncrypted), stale}, rules).rule == "scanner.clamav encrypted_action");
    rules.actions.stale = Action::kDeliver;
    CHECK(decide({clean("clamav"), stale}, rules).verdict == "clean, ignored: clamav stale");
}

TEST_CASE("a lost worker is ClamAV and looking inside; the latter matters to rules only") {
    const auto lost = failing("scanner", Failure::kTimeout);
    auto rules = matrix();
    rules.actions.timeout = Action::kDeliver;
    CHECK(decide({lost}, rules).action == Action::kDeliver);
    rules.policy = one_rule(asks(policy::Condition::Kind::kProgram), Action::kReject);
    CHECK(decide({lost}, rules).action == Action::kDefer);
    CHECK(decide({lost}, rules).rule == "scanner.clamav failure_action");
    row(rules, "contents").timeout = Action::kDeliverWithMark;
    CHECK(decide({lost}, rules).rule == "content timeout_action");
    CHECK(decide({lost}, rules).action == Action::kDeliverWithMark);
    rules.actions.timeout = Action::kQuarantine;
    CHECK(decide({lost}, rules).rule == "scanner.clamav timeout_action");
    rules.clamav = false;
    CHECK(decide({lost}, rules).rule == "content timeout_action");
}

TEST_CASE("each limit has an action of its own; of several the strictest counts") {
    const auto over = [](std::string names) {
        return ScanResult{"contents", Outcome::kCannotTell, Cause::kLimit, std::move(names), ""};
    };
    for (std::size_t i = 0; i < policy::kContentLimits; ++i)
        for (const auto action : kCellActions) {
            const auto limit = static_cast<policy::ContentLimit>(i);
            CAPTURE(policy::to_string(limit));
            auto rules = matrix();
            row(rules, "contents").limit = Action::kQuarantine;
            rules.limits.at(i) = action;
            const auto decision = decide({clean("clamav"), over(std::string(to_string(limit)))}, rules);
            CHECK(decision.action == action);
            CHECK(decision.rule == "content " + policy::key_of(limit));
            const auto other = i == 0 ? "facts" : "entities";
            CHECK(decide({over(other)}, rules).rule == "content limit_action");
            CHECK(decide({over(other)}, rules).action == Action::kQuarantine);
            CHECK(decide({over(std::string(other) + " " + std::string(to_string(limit)))}, rules).action ==
                  (action == Action::kDefer ? action : Action::kQuarantine));
        }
    // "header_fields" is no part of another name, and what is no name at all is not ignored.
    auto rules = matrix();
    rules.limits.fill(Action::kDeliver);
    CHECK(decide({over("")}, rules).action == Action::kDefer);
    CHECK(decide({over("layer")}, rules).action == Action::kDefer);
    CHECK(decide({over("layers ratio")}, rules).action == Action::kDeliver);
    ScanResult expressions = over("");
    expressions.scanner = "expressions";
    row(rules, "contents").limit = Action::kQuarantine;
    CHECK(decide({expressions}, rules).rule == "content limit_action");
}

TEST_CASE("broken MIME and what is encrypted are failures only where the settings make them so") {
    auto rules = matrix();
    CHECK(decide(malformed(), rules).verdict == "clean");
    CHECK(decide(malformed(), rules).rule == "clean");
    row(rules, "contents").malformed = Action::kQuarantine;
    CHECK(decide(malformed(), rules).action == Action::kQuarantine);
    CHECK(decide(malformed(), rules).verdict == "cannot tell (malformed)");
    CHECK(decide(malformed(), rules).rule == "content malformed_action");

    auto encrypted = malformed();
    encrypted.contents.defects = 0;
    encrypted.contents.items.resize(2);
    encrypted.contents.items[1].names = {"secret.pdf"};
    encrypted.contents.items[1].set(policy::Mark::kEncrypted);
    CHECK(decide(encrypted, rules).verdict == "clean");
    row(rules, "contents").encrypted = Action::kDefer;
    CHECK(decide(encrypted, rules).verdict == "encrypted secret.pdf");
    CHECK(decide(encrypted, rules).rule == "content encrypted_action");
}

TEST_CASE("after malformed no rule is asked; after a limit or what is encrypted they are") {
    using Kind = policy::Condition::Kind;
    auto rules = matrix();
    rules.policy = one_rule({}, Action::kReject);  // of every mail
    CHECK(decide(malformed(), rules).action == Action::kReject);
    const auto number = [](Cause cause) { return static_cast<std::uint32_t>(cause); };
    for (const auto action : {Action::kDefer, Action::kQuarantine}) {
        row(rules, "contents").malformed = action;
        CHECK(decide(malformed(), rules).action == action);
        const mail::Envelope envelope{"s@remote.test", "", {{"r@local.test", ""}}};
        const auto report = malformed();
        CHECK(policy::explain({report, envelope}, 0, rules).find("rules: not asked") != std::string::npos);
    }
    row(rules, "contents").malformed = Action::kDeliverWithMark;
    CHECK(decide(malformed(), rules).action == Action::kReject);
    for (const auto failure : {Failure::kLimit, Failure::kEncrypted})
        CHECK(decide({failing("clamav", failure)}, rules).rule == "rule r");
    // A rule that asks for it has the say, while the settings only mark it.
    for (const auto& condition : {asks(Kind::kMalformed), asks(Kind::kCannotTell, {number(Cause::kMalformed)})}) {
        rules.policy = one_rule(condition, Action::kDeliver);
        CHECK(decide(malformed(), rules).action == Action::kDeliver);
        CHECK(decide(malformed(), rules).rule == "rule r");
    }
    // "cannot_tell" alone does not ask for it: nothing failed.
    rules.policy = one_rule(asks(Kind::kCannotTell), Action::kReject);
    CHECK(decide(malformed(), rules).action == Action::kDeliverWithMark);
    CHECK(decide({failing("clamd a", Failure::kMalformed)}, rules).action == Action::kReject);
    rules.policy = one_rule(asks(Kind::kCannotTell, {number(Cause::kStale)}), Action::kDeliver);
    CHECK(decide({clean("clamav"), failing("clamav", Failure::kStale)}, rules).action == Action::kDeliver);
    CHECK(decide({failing("clamav", Failure::kTimeout)}, rules).action == Action::kDefer);
}

TEST_CASE("only what passes unscanned is open") {
    auto rules = matrix();
    CHECK_FALSE(policy::cell(rules, "clamav", Failure::kDown, nullptr).open());
    CHECK_FALSE(policy::cell(rules, "contents", Failure::kMalformed, nullptr).open());
    row(rules, "contents").malformed = Action::kDeliverWithMark;
    CHECK_FALSE(policy::cell(rules, "contents", Failure::kMalformed, nullptr).open());
    rules.actions.down = Action::kDeliver;
    CHECK(policy::cell(rules, "clamav", Failure::kDown, nullptr).open());
    CHECK(policy::cell(rules, "clamav", Failure::kDown, nullptr).own);
    rules.actions.failure = Action::kDeliverWithMark;
    CHECK(policy::cell(rules, "clamav", Failure::kError, nullptr).open());
    CHECK_FALSE(policy::cell(rules, "clamav", Failure::kError, nullptr).own);
    CHECK(policy::cell(rules, "contents", Failure::kError, nullptr).open());
    rules.actions.error = Action::kQuarantine;
    CHECK_FALSE(policy::cell(rules, "clamav", Failure::kError, nullptr).open());
}
