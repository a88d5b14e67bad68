#include <doctest/doctest.h>

#include <algorithm>

#include "explain/text.hpp"
#include "samples.hpp"

using explain::Case;
using policy::Action;
using policy::Condition;
using policy::Outcome;

namespace {

Condition condition(Condition::Kind kind, std::string text) {
    Condition one;
    one.kind = kind;
    one.text = std::move(text);
    return one;
}

policy::Rule rule(std::string name, Condition asked, Action action) {
    policy::Rule one;
    one.name = std::move(name);
    one.what.children.push_back(std::move(asked));
    one.final_action = policy::Final{action, {}, {}, {}, {}};
    return one;
}

policy::Who only(std::string_view address) {
    auto set = std::make_shared<policy::AddressSet>();
    set->add(address);
    policy::Who who;
    who.any_of.push_back(std::move(set));
    return who;
}

Condition many_recipients(std::uint64_t number) {
    auto one = condition(Condition::Kind::kRecipients, "recipients > " + std::to_string(number));
    one.number = number;
    return one;
}

Case case_of(std::size_t recipients, std::vector<policy::Rule> rules) {
    Case one;
    one.names = {kId, "6AQ1", "<a@b.test>"};
    one.relay = "mx.test [192.0.2.1]";
    one.report.results = {{"clamav", Outcome::kClean, policy::Cause::kNone, {}, {}}};
    one.report.generation = 7;
    one.report.signatures = "clamav 27800";
    one.envelope.reverse_path = "sender@from.test";
    for (std::size_t i = 0; i < recipients; ++i) {
        one.envelope.recipients.push_back({"r" + std::to_string(i) + "@to.test", ""});
        one.recipients.push_back(i);
    }
    one.size = 4711;
    auto policy = std::make_shared<policy::Policy>();
    policy->rules = std::move(rules);
    auto in_force = std::make_shared<policy::Rules>();
    in_force->policy = std::move(policy);
    one.rules = std::move(in_force);
    one.configuration = 3;
    return one;
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

bool shown_safely(const std::string& text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); });
}

}  // namespace

TEST_CASE("who, what was seen, which rules were tried, what was decided") {
    auto one = case_of(1, {rule("crowd", many_recipients(5), Action::kReject),
                           rule("infected", condition(Condition::Kind::kVirus, "virus"), Action::kDiscard)});
    one.client = "198.51.100.7";
    one.client_name = "host.test";
    one.report.results[0] = {"clamav", Outcome::kFound, policy::Cause::kNone, "Eicar", {}};
    one.report.contents.items.resize(3);
    one.report.contents.items[2].kind = policy::Item::Kind::kMember;
    one.report.contents.items[1].names = {"a.zip"};
    one.report.contents.items[2].names = {"b.exe"};
    one.report.contents.items[2].parent = 1;
    one.report.contents.items[2].layer = 1;
    one.report.contents.exceeded = {{policy::ContentLimit::kLayers, 2, 17}};
    const auto text = to_text(one);
    for (const auto* const part :
         {"id:            0ABCDEFGHJKMNP\n", "inbound id:    6AQ1\n", "message id:    <a@b.test>\n",
          "from:          <sender@from.test>\n", "client:        198.51.100.7 host.test\n",
          "size:          4711 octets\n", "configuration: generation 3\n",
          "signatures:    generation 7, clamav 27800\n", "clamav: found Eicar\n", "a.zip!b.exe",
          "limit layers: 17 at \"", "recipient <r0@to.test>:\n",
          "  rule crowd: does not apply\n    no  recipients > 5: 1",
          "  rule infected: applies\n    yes virus: clamav: found Eicar", "  decision: discard, rule infected\n"})
        CHECK_MESSAGE(has(text, part), part << "\n" << text);
    CHECK_FALSE(has(text, "done:"));
}

TEST_CASE("recipients of whom the same is to be said are told of once") {
    auto special = rule("special", many_recipients(1), Action::kQuarantine);
    special.to = only("r1@to.test");
    const auto text = to_text(case_of(3, {special}));
    CHECK_MESSAGE(has(text, "recipients <r0@to.test>, <r2@to.test>:\n"), text);
    CHECK_MESSAGE(has(text, "recipient <r1@to.test>:\n  rule special: applies"), text);
    CHECK_MESSAGE(has(text, "done:\n  <r1@to.test>: quarantine, rule special\n"), text);
}

TEST_CASE("what one reply for all makes of a reject is told") {
    auto special = rule("special", many_recipients(1), Action::kReject);
    special.to = only("r1@to.test");
    const auto text = to_text(case_of(2, {special}));
    CHECK_MESSAGE(has(text, "<r1@to.test>: quarantine, rule special, but one reply cannot refuse some"), text);
}

TEST_CASE("a mail that nobody looked at says why") {
    auto one = case_of(1, {});
    one.not_judged = "3 scanner workers were lost by it";
    const auto text = to_text(one);
    CHECK_MESSAGE(has(text, "not judged:    3 scanner workers"), text);
    CHECK_FALSE(has(text, "decision:"));
}

TEST_CASE("however much there is to tell, the text is bounded and the decisions are in it") {
    std::vector<policy::Rule> rules;
    for (int i = 0; i < 2000; ++i)
        rules.push_back(rule("rule-number-" + std::to_string(i), many_recipients(9999), Action::kReject));
    auto one = case_of(500, std::move(rules));
    one.report.contents.items.resize(policy::kMaxItems);
    for (std::size_t i = 1; i < one.report.contents.items.size(); ++i)
        one.report.contents.items[i].names = {std::string(200, 'n')};
    const auto text = to_text(one);
    CHECK(text.size() <= explain::kMaxText);
    CHECK(has(text, "more lines"));
    CHECK_MESSAGE(has(text, "done:\n  <r0@to.test>, "), text.substr(text.size() - 2000));
    CHECK(has(text, " and 480 others: deliver"));
    CHECK(has(text, "recipient <r0@to.test>"));
}

TEST_CASE("no octet of it could command a terminal") {
    auto one = case_of(2, {rule("n\xc3\xa4me", many_recipients(0), Action::kQuarantine)});
    one.names.message_id = "<\x1b[2J\x80@x>";
    one.envelope.reverse_path = "a\r\nb\t";
    one.envelope.recipients[0].path = "\x1b]0;x\x07";
    one.client = one.client_name = one.relay = "\x9b";
    one.report.signatures = "a\nb";
    one.report.results[0].detail = "\x1b";
    CHECK(shown_safely(to_text(one)));
    one.not_judged = "\x1b";
    CHECK(shown_safely(to_text(one)));
}

TEST_CASE("lines are cut where one ends, and told") {
    CHECK(explain::cut_lines("a\nb\n", 4) == "a\nb\n");
    std::string lines;
    for (int i = 0; i < 100; ++i)
        lines += "0123456\n";
    const auto cut = explain::cut_lines(lines, 400);
    CHECK(cut.size() <= 400);
    CHECK(cut.starts_with("0123456\n"));
    CHECK_MESSAGE(has(cut, "\n... 58 more lines, 400 octets at most are kept\n"), cut);
    CHECK(explain::cut_lines(std::string(100, 'x'), 50).size() <= 64);
}
