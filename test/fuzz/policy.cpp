// A policy file: whatever is in it, there are rules or errors with file and line; rules decide the same whether or not
// they are explained, and let nothing through that they do not ask for by its name.
#include <algorithm>
#include <array>

#include "config/load.hpp"
#include "config/policy_file.hpp"
#include "config/spelling.hpp"
#include "policy/explain.hpp"
#include "policy/notice_text.hpp"
#include "target.hpp"

namespace {

using fuzz::require;
using policy::Action;
using policy::Cause;
using policy::Item;
using policy::Outcome;

policy::ScanReport report(Outcome outcome) {
    policy::ScanReport made;
    made.results = {{"clamav", outcome, outcome == Outcome::kCannotTell ? Cause::kTimeout : Cause::kNone,
                     outcome == Outcome::kFound ? "Virus" : "", ""}};
    Item mail;
    mail.kind = Item::Kind::kMessage;
    Item zip;
    zip.names = {"invoice.zip"};
    zip.true_type = zip.declared_type = "application/zip";
    zip.set(policy::Mark::kAttachment);
    Item member;
    member.kind = Item::Kind::kMember;
    member.parent = member.layer = 1;
    member.names = {"a.pdf.exe"};
    member.true_type = "application/x-dosexec";
    member.size = 100000;
    made.contents.items = {mail, zip, member};
    made.contents.subject = "a subject";
    made.contents.from = "A <a@from.test>";
    made.contents.defects = 3;
    made.contents.hits = {{0, 1, 5, "word"}};
    return made;
}

bool delivers(const policy::Decision& decision) {
    return decision.action == Action::kDeliver;
}

bool printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return (c >= ' ' && c <= '~') || c == '\n'; });
}

bool names_any(std::string_view text, std::initializer_list<std::string_view> words) {
    return std::any_of(words.begin(), words.end(),
                       [text](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

// A notice is a mail in 7 bit whose lines any server takes, whatever the policy and the mail that it is about say.
void check_notice(const policy::Notice& notice, const policy::ScanReport& seen, std::string_view text) {
    policy::NoticeFacts facts;
    facts.sender = facts.rule = facts.verdict = facts.client = std::string(text);
    facts.recipients = {std::string(text), "b@to.test"};
    facts.subject = std::string(text);
    facts.host = "proxy.test";
    facts.files = policy::file_names(seen.contents, std::array<std::uint16_t, 2>{1, 2});
    const auto mail = policy::notice_mail(notice, facts, "a@from.test", "ID");
    const auto end = mail.find("\r\n\r\n");
    require(end != std::string::npos, "a notice has a header");
    unsigned fields = 0;
    for (std::string_view rest = mail; !rest.empty();) {
        const auto line = rest.substr(0, rest.find("\r\n"));
        require(line.size() + 2 <= rest.size() && line.size() <= 300, "lines of a notice end, and are short");
        require(std::all_of(line.begin(), line.end(), [](char c) { return (c >= ' ' && c <= '~') || c == '\t'; }),
                "a notice is 7 bit");
        fields += rest.size() > mail.size() - end && !line.starts_with(' ') ? 1 : 0;
        rest.remove_prefix(line.size() + 2);
    }
    require(fields == 9, "nobody adds a field to a notice");
}

void check_steps(const policy::Decision& decision, const policy::ScanReport& seen, std::string_view text) {
    for (const auto& step : decision.steps) {
        require((step.kind == policy::Step::Kind::kStamp) == (step.stamp != nullptr), "a stamp has its text");
        require((step.kind == policy::Step::Kind::kNotify) == (step.notice != nullptr), "a notice has its text");
        require(!policy::wrong_token(step.kind == policy::Step::Kind::kStrip ? step.value : ""), "notes have tokens");
        if (step.notice)
            check_notice(*step.notice, seen, text);
    }
}

void decide(const policy::PolicyPtr& rules, Outcome outcome, std::string_view text) {
    const auto seen = report(outcome);
    const mail::Envelope envelope{"a@from.test", "", {{"b@to.test", ""}, {"c@local.test", ""}}};
    policy::Facts facts{seen, envelope};
    facts.size = 5000;
    facts.client = policy::ClientAddress{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
    facts.moment = {2, 600};
    const policy::Rules in_force{true, {Action::kQuarantine, Action::kDefer, Action::kDefer}, {}, {}, rules};
    const auto groups = policy::divide(facts, {0, 1}, in_force, true);
    std::size_t recipients = 0;
    for (const auto& group : groups) {
        recipients += group.recipients.size();
        if (outcome == Outcome::kFound && !names_any(text, {"virus", "scanner"}))
            require(!delivers(group.decision), "a virus is held by the settings");
        if (outcome == Outcome::kCannotTell && !names_any(text, {"cannot_tell", "scanner", "limit"}))
            require(!delivers(group.decision), "what nobody looked at is not delivered");
        require(printable(policy::describe_decision(group.decision)), "a decision can stand in a log");
        require(group.decision.detour.usual() || delivers(group.decision), "what is not delivered takes no other way");
        check_steps(group.decision, seen, text);
    }
    require(recipients == 2, "every recipient is in one group");
    for (const std::size_t recipient : {0U, 1U}) {
        std::vector<policy::Tried> tried;
        const auto told = policy::rule_on(*rules, facts, recipient, &tried);
        const auto silent = policy::rule_on(*rules, facts, recipient);
        require(told.rule == silent.rule && told.rules == silent.rules && told.steps == silent.steps,
                "an explanation changes nothing");
        require(std::includes(told.items.begin(), told.items.end(), silent.items.begin(), silent.items.end()),
                "nor which items matched");
        require(tried.size() <= rules->rules.size(), "each rule is tried once");
        require(printable(policy::explain(facts, recipient, in_force)), "an explanation can stand on a terminal");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(fuzz::as_text(data, size));
    const config::PolicyFiles files{{{"policy.ini", text, false}, {"list", "a@b.test\n*@c.test\n# x\n", true}}};
    const auto loaded = config::parse_policy(files);
    require((loaded.policy == nullptr) != loaded.errors.empty(), "rules or errors");
    require(loaded.errors.size() <= config::kMaxDiagnostics + 1, "errors are bounded");
    for (const auto& error : loaded.errors)
        require(error.starts_with("policy.ini:") || error.starts_with("list:"), "an error says where it is");
    const auto unpacked = config::PolicyFiles::unpack(files.pack());
    require(unpacked && unpacked->files.at(0).text == text, "the texts arrive as they went");
    if (!loaded.policy)
        return 0;
    const auto words = config::lower(text);
    for (const auto outcome : {Outcome::kClean, Outcome::kFound, Outcome::kCannotTell, Outcome::kEncrypted})
        decide(loaded.policy, outcome, words);
    return 0;
}
