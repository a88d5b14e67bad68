// The policy's files: what they say, and how what is wrong with them is told.
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "config/load.hpp"
#include "config/policy_deeds.hpp"
#include "config/policy_file.hpp"
#include "config/policy_words.hpp"
#include "mail/mime/defect.hpp"
#include "policy/notice_text.hpp"
#include "policy/ready_made.hpp"

using config::PolicyFiles;
using policy::Condition;
using policy::Step;

namespace {

config::LoadedPolicy parse(std::string text) {
    return config::parse_policy({{{"policy.ini", std::move(text), false}}});
}

// The only error of a text.
std::string error_of(std::string text) {
    const auto loaded = parse(std::move(text));
    CHECK(loaded.errors.size() == 1);
    CHECK_FALSE(loaded.policy);
    return loaded.errors.empty() ? "" : loaded.errors.front();
}

std::string rule_with(const std::string& line) {
    return "[rule r]\ndo = deliver\n" + line + "\n";
}

Condition condition(const std::string& text) {
    const auto loaded = parse(rule_with("if = " + text));
    REQUIRE(loaded.policy);
    return loaded.policy->rules.at(0).what.children.at(0);
}

}  // namespace

TEST_CASE("a whole policy") {
    const auto loaded = parse(R"(
[domains]
local = example.test *.example.test

[group bosses]
member = a@example.test b@example.test

[time office]
span = mon-fri 08:00-18:00

[conditions programs]
match = any
if = extension exe scr
if = true_type application/x-dosexec

[rule last]
priority = 2000
do = add_header X-Seen: yes

[rule no-programs]
enabled = yes
priority = 10
direction = incoming
from = not:group:bosses not:ceo@partner.test
to = example.test group:bosses
when = office
match = all
if = conditions programs
if = not signed
do = tag_subject [PROGRAM]
do = remove_header X-Mailer
do = quarantine programs

[rule off]
enabled = no
do = reject
)");
    REQUIRE(loaded.errors.empty());
    const auto& policy = *loaded.policy;
    CHECK(policy.local_domains.contains("x@mail.example.test"));
    REQUIRE(policy.rules.size() == 2);
    const auto& rule = policy.rules[0];
    CHECK(rule.name == "no-programs");
    CHECK(rule.origin == "policy.ini:20");
    CHECK(rule.direction == policy::Direction::kIncoming);
    CHECK(rule.from.includes("x@y"));
    CHECK_FALSE(rule.from.includes("A@example.test"));
    CHECK_FALSE(rule.from.includes("ceo@partner.test"));
    CHECK(rule.to.includes("c@example.test"));
    CHECK_FALSE(rule.to.includes("c@other.test"));
    REQUIRE(rule.when.size() == 1);
    CHECK(rule.when[0].contains({1, 480}));
    REQUIRE(rule.what.children.size() == 2);
    CHECK_FALSE(rule.what.any);
    CHECK(rule.what.children[0].children.at(0).children.size() == 2);
    CHECK(rule.what.children[0].children.at(0).any);
    CHECK(rule.what.children[1].negated);
    REQUIRE(rule.steps.size() == 2);
    CHECK(rule.steps[0] == Step{.kind = Step::Kind::kTagSubject, .name = "", .value = "[PROGRAM]"});
    CHECK(rule.steps[1] == Step{.kind = Step::Kind::kRemoveHeader, .name = "X-Mailer", .value = ""});
    REQUIRE(rule.final_action);
    CHECK(rule.final_action->action == policy::Action::kQuarantine);
    CHECK(rule.final_action->area == "programs");
    CHECK(policy.rules[1].name == "last");
    CHECK(policy.rules[1].steps.at(0) == Step{.kind = Step::Kind::kAddHeader, .name = "X-Seen", .value = "yes"});
}

TEST_CASE("conditions as they are written") {
    CHECK(condition("virus").words.empty());
    CHECK(condition("virus Eicar* \"Two Words\"").words == std::vector<std::string>{"eicar*", "two words"});
    CHECK(condition("cannot_tell timeout limit").numbers.size() == 2);
    CHECK(condition("scanner clamd found").words == std::vector<std::string>{"clamd"});
    CHECK(condition("message_size > 10m").number == 10U << 20U);
    CHECK(condition("recipients < 5").compare == Condition::Compare::kLess);
    CHECK(condition("layers > 2").kind == Condition::Kind::kLayers);
    CHECK(condition("limit ratio").numbers ==
          std::vector<std::uint32_t>{static_cast<std::uint32_t>(policy::ContentLimit::kRatio)});
    CHECK(condition("macro").numbers == std::vector<std::uint32_t>{static_cast<std::uint32_t>(policy::Mark::kMacro)});
    CHECK(condition("NOT Encrypted").negated);
    CHECK(condition("not encrypted").text == "not encrypted");
    const auto client = condition("client 10.0.0.0/8 2001:db8::/32 ::1");
    REQUIRE(client.networks.size() == 3);
    CHECK(client.networks[0].prefix == 104);
    CHECK(client.networks[1].prefix == 32);
    CHECK(client.networks[2].prefix == 128);
    CHECK(client.networks[0].contains({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 9, 8, 7}));
    CHECK_FALSE(client.networks[0].contains({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 11, 9, 8, 7}));
}

TEST_CASE("each limit and each cause has a word") {
    for (std::size_t i = 0; i < policy::kContentLimits; ++i)
        CHECK(condition("limit " + std::string(to_string(static_cast<policy::ContentLimit>(i)))).numbers.at(0) == i);
    for (const auto cause : {policy::Cause::kTimeout, policy::Cause::kLimit, policy::Cause::kCrash,
                             policy::Cause::kError, policy::Cause::kUnavailable})
        CHECK(condition("cannot_tell " + std::string(to_string(cause))).numbers.at(0) ==
              static_cast<std::uint32_t>(cause));
}

TEST_CASE("what is wrong is told with file and line") {
    const auto wrong = [](const std::string& line) { return error_of(rule_with(line)); };
    CHECK(wrong("if = extention exe") == "policy.ini:3: error: unknown condition extention; did you mean extension?");
    CHECK(wrong("if =") == "policy.ini:3: error: a condition is missing");
    CHECK(wrong("if = not") == "policy.ini:3: error: a condition is missing");
    CHECK(wrong("if = extension") ==
          "policy.ini:3: error: extension is followed by one or more words; * stands for anything");
    CHECK(wrong("if = macro yes") == "policy.ini:3: error: nothing may follow macro");
    CHECK(wrong("if = message_size 10m") ==
          "policy.ini:3: error: message_size is followed by > or < and a number, as > 10m");
    CHECK(wrong("if = message_size > 10x") ==
          "policy.ini:3: error: \"10x\" is no number of octets, as 500k, 10m or 1g");
    CHECK(wrong("if = recipients > -1") == "policy.ini:3: error: \"-1\" is no number");
    CHECK(wrong("if = cannot_tell timout") ==
          "policy.ini:3: error: cannot_tell: \"timout\" is not known; did you mean timeout?");
    CHECK(wrong("if = client 10.0.0.0/33") ==
          "policy.ini:3: error: \"10.0.0.0/33\": the prefix is a number of 0 to 32");
    CHECK(wrong("if = client example.test") == "policy.ini:3: error: \"example.test\" is no address or network");
    CHECK(wrong("if = conditions nothing") == "policy.ini:3: error: there is no [conditions nothing] before this line");
    CHECK(wrong("if = expression nothing") == "policy.ini:3: error: there is no [expression nothing]");
    CHECK(wrong("if = extension \"exe") == "policy.ini:3: error: a quote is not closed");
    CHECK(wrong("do = reject") == "policy.ini:3: error: a rule has one final action, and this is a second one");
    CHECK(wrong("do = quarantin") == "policy.ini:3: error: unknown action quarantin; did you mean quarantine?");
    CHECK(wrong("do = add_header Received: x") == "policy.ini:3: error: the field Received may not be changed");
    CHECK(wrong("do = remove_header X-Sandwich-Verdict") ==
          "policy.ini:3: error: the field X-Sandwich-Verdict may not be changed");
    CHECK(wrong("do = add_header X-A") == "policy.ini:3: error: a header field is written as Name: value");
    CHECK(wrong("do = tag_subject") ==
          "policy.ini:3: error: tag_subject is followed by 1 to 60 printable ASCII characters");
    CHECK(wrong("from = group:nobody") == "policy.ini:3: error: there is no [group nobody]");
    CHECK(wrong("to = a b@c,d") == "policy.ini:3: error: \"b@c,d\" is no address, domain or pattern with *");
    CHECK(wrong("setting = class") ==
          "policy.ini:3: error: setting is followed by the name of a setting and values, as class gold");
    CHECK(wrong("setting = spamm high") ==
          "policy.ini:3: error: there is no setting spamm; there are attachments, class, disabled, spam; did you mean "
          "spam?");
    CHECK(wrong("setting = not spam high often") == "policy.ini:3: error: spam is one of: off low normal high");
    CHECK(wrong("setting = class \"two words\"") == "policy.ini:3: error: \"two words\" is no single value");
    CHECK(wrong("setting = disabled yes") == "policy.ini:3: error: disabled: no rule meets such a recipient");
    CHECK(wrong("when = never") == "policy.ini:3: error: there is no [time never]");
    CHECK(wrong("match = some") == "policy.ini:3: error: match is any or all");
    CHECK(wrong("priority = x") ==
          "policy.ini:3: error: priority is a number of 0 to 1000000; the smallest comes first");
    CHECK(wrong("enabled = maybe") == "policy.ini:3: error: enabled is yes or no");
    CHECK(wrong("prioritty = 1") ==
          "policy.ini:3: error: unknown key prioritty in section [rule]; did you mean priority?");
    CHECK(wrong("direction = incoming") ==
          "policy.ini:3: error: a direction can be told only when [domains] says which domains are local");
    CHECK(error_of("[rule r]\n") == "policy.ini:1: error: [rule r] does nothing: a line do= is missing");
    CHECK(error_of("[rule]\ndo = deliver\n") == "policy.ini:1: error: [rule] needs a name, as [rule NAME]");
    CHECK(error_of("[rules r]\n") == "policy.ini:1: error: unknown section [rules r]; did you mean [rule]?");
    CHECK(error_of(rule_with("") + rule_with("")) ==
          "policy.ini:4: error: [rule r] stands twice, the first time at policy.ini:1");
    CHECK(error_of("[conditions a]\n") == "policy.ini:1: error: [conditions a] asks nothing");
    CHECK(error_of("[time t]\nspan = moo\n") == "policy.ini:2: error: \"moo\": hours are written as 08:00-18:00");
    CHECK(error_of("[time t]\nspan = mon 8-9\n") == "policy.ini:2: error: \"8-9\": hours are written as 08:00-18:00");
    CHECK(error_of("[time t]\nspan = mon 25:00-26:00\n") ==
          "policy.ini:2: error: \"25:00-26:00\": hours are written as 08:00-18:00");
    CHECK(error_of("[group g]\nfile = /nowhere\nmember = a@b\n") ==
          "policy.ini:2: error: the list /nowhere was not read");
}

TEST_CASE("sets of conditions cannot hold themselves, and lie only so deep") {
    CHECK(error_of("[conditions a]\nif = conditions a\nif = macro\n") ==
          "policy.ini:2: error: there is no [conditions a] before this line");
    std::string text = "[conditions c0]\nif = macro\n";
    for (int i = 1; i < 12; ++i)
        text += fmt::format("[conditions c{}]\nif = conditions c{}\nif = macro\n", i, i - 1);
    const auto loaded = parse(text);
    REQUIRE_FALSE(loaded.errors.empty());
    CHECK(loaded.errors.front().find("lie more than 8 deep") != std::string::npos);
}

TEST_CASE("texts go from one process to another") {
    PolicyFiles files{
        {{"/etc/a.ini", "[rule r]\ndo = deliver\n", false}, {"/etc/list", "a@b\nc\n", true}, {"", "", false}}};
    const auto packed = files.pack();
    const auto back = PolicyFiles::unpack(packed);
    REQUIRE(back);
    REQUIRE(back->files.size() == 3);
    CHECK(back->files[1].name == "/etc/list");
    CHECK(back->files[1].text == "a@b\nc\n");
    CHECK(back->files[1].list);
    CHECK_FALSE(back->files[0].list);
    for (std::size_t length = 1; length < packed.size(); ++length) {
        const auto part = PolicyFiles::unpack(std::string_view(packed).substr(0, length));
        CHECK((!part || part->files.size() < 3));
    }
    CHECK_FALSE(PolicyFiles::unpack("X"));
}

TEST_CASE("files of a directory, in order, with their lists") {
    namespace fs = std::filesystem;
    const auto directory = fs::temp_directory_path() / fmt::format("sandwich-policy-{}", ::getpid());
    fs::create_directories(directory);
    const auto write = [&](const char* name, const std::string& text) {
        std::ofstream(directory / name) << text;
        return (directory / name).string();
    };
    const auto list = write("people", "# some\nann@a.test\r\n\n*@b.test\n");
    write("20-b.ini", "[rule b]\nto = group:people\ndo = reject\n");
    write("10-a.ini", "[group people]\nfile = " + list + "\n[rule a]\ndo = tag_subject X\n");
    write("not.txt", "garbage");
    write(".hidden.ini", "garbage");
    auto files = config::read_policy_files("", directory.string());
    REQUIRE(files);
    REQUIRE(files->files.size() == 3);
    auto loaded = config::parse_policy(*files);
    REQUIRE(loaded.policy);
    CHECK(loaded.policy->rules.at(0).name == "a");
    CHECK(loaded.policy->rules.at(1).to.includes("x@b.test"));
    CHECK(loaded.policy->rules.at(1).to.includes("ann@a.test"));
    CHECK_FALSE(loaded.policy->rules.at(1).to.includes("some@c.test"));
    // An entry that is none is told with the list's own line.
    write("people", "ann@a.test\nbob<a.test\n");
    loaded = config::parse_policy(*config::read_policy_files("", directory.string()));
    REQUIRE(loaded.errors.size() == 1);
    CHECK(loaded.errors[0] == list + ":2: error: \"bob<a.test\" is no address, domain or pattern with *");
    fs::remove(list);
    CHECK_FALSE(config::read_policy_files("", directory.string()));
    fs::remove_all(directory);
    CHECK(config::read_policy_files("", directory.string())->files.empty());
    CHECK_FALSE(config::read_policy_files((directory / "none.ini").string(), ""));
}

TEST_CASE("expressions as they are written") {
    const auto loaded = parse(R"([expression e]
where = subject body
weight = 5
case = yes
keywords = Alpha "two words"
case = no
words = no
distinct = yes
count = 3
keyword = beta gamma
regex = a\s+b
threshold = 12
near = 2 of 30 words

[expression f]
field = X-Mailer
keyword = bat

[expression c]
where = body
ready = cards-many

[rule r]
if = expression F e
do = deliver
)");
    REQUIRE(loaded.errors.empty());
    const auto& policy = *loaded.policy;
    REQUIRE(policy.expressions.size() == 3);
    const auto& e = policy.expressions[0];
    CHECK(e.name == "e");
    CHECK(e.where == (static_cast<unsigned>(policy::Where::kSubject) | static_cast<unsigned>(policy::Where::kBody)));
    REQUIRE(e.entries.size() == 4);
    CHECK(e.entries[0].case_sensitive);
    CHECK(e.entries[0].whole_words);
    CHECK(e.entries[1].pattern == "two words");
    CHECK(e.entries[1].origin == "policy.ini:5");
    CHECK_FALSE(e.entries[2].case_sensitive);
    CHECK_FALSE(e.entries[2].whole_words);
    CHECK(e.entries[2].pattern == "beta gamma");
    CHECK(e.entries[2].weight == 5);
    CHECK(e.entries[2].max_count == 3);
    CHECK(e.entries[2].distinct);
    CHECK(e.entries[3].kind == policy::Entry::Kind::kRegex);
    CHECK(e.threshold == 12);
    REQUIRE(e.proximity);
    CHECK(e.proximity->entries == 2);
    CHECK(e.proximity->distance == 30);
    CHECK(policy.expressions[1].where == 0);
    CHECK(policy.expressions[1].fields == std::vector<std::string>{"X-Mailer"});
    CHECK(policy.expressions[2].name == "c");
    CHECK(policy.expressions[2].threshold == 5);
    CHECK(policy.expressions[2].where == static_cast<unsigned>(policy::Where::kBody));
    CHECK(policy.rules.at(0).what.children.at(0).numbers == std::vector<std::uint32_t>{1, 0});
    CHECK(policy.expression_set != 0);
    // Another weight makes other expressions of them; another rule does not.
    const std::string one = "[expression e]\nweight = 2\nkeyword = x\n";
    const std::string other = "[expression e]\nweight = 3\nkeyword = x\n";
    CHECK(parse(one).policy->expression_set != parse(other).policy->expression_set);
    CHECK(parse(one).policy->expression_set == parse(one + "[rule r]\ndo = reject\n").policy->expression_set);
    CHECK(parse("[rule r]\ndo = reject\n").policy->expression_set == 0);
}

TEST_CASE("conditions on header fields, languages and writing systems") {
    using Kind = Condition::Kind;
    using Texts = std::vector<std::string>;
    const auto header = condition("header X-Mailer *Bulk* \"a b\"");
    CHECK(header.kind == Kind::kHeader);
    CHECK(header.fields == Texts{"x-mailer"});
    CHECK(header.words == Texts{"*bulk*", "a b"});
    CHECK(condition("subject *x*").kind == Kind::kHeader);
    CHECK(condition("subject *x*").fields == Texts{"subject"});
    CHECK(condition("missing_header").fields == Texts{"date", "from"});
    CHECK(condition("missing_header Message-ID To").fields == Texts{"message-id", "to"});
    CHECK(condition("repeated_header").fields.size() == 17);
    CHECK(condition("malformed_header").fields.empty());
    CHECK(condition("language DE en").words == Texts{"de", "en"});
    CHECK(condition("writing cyrillic").mask == bit(policy::Writing::kCyrillic));
    CHECK(condition("scanner_says \"check spam\" *score*").words == Texts{"check spam", "*score*"});
    CHECK(condition("ratio > 50").number == 50);
    const auto wrong = [](const std::string& text) { return error_of(rule_with("if = " + text)); };
    CHECK(wrong("header X-Mailer") ==
          "policy.ini:3: error: header is followed by the name of a field and patterns, as header X-Mailer *bulk*");
    CHECK(wrong("missing_header To:") ==
          "policy.ini:3: error: missing_header: \"To:\" is not the name of a header field; it has no colon");
    CHECK(wrong("language german") ==
          "policy.ini:3: error: language: \"german\" is no code of a language that is known, as de, en, pt, zh");
    CHECK(wrong("language") == "policy.ini:3: error: language is followed by codes of languages, as de en");
    CHECK(wrong("writing cyrilic") == "policy.ini:3: error: writing: \"cyrilic\" is not known; did you mean cyrillic?");
    CHECK(wrong("scanner_says clamav") ==
          "policy.ini:3: error: scanner_says is followed by a scanner's name and patterns");
}

TEST_CASE("what the workers are asked for is what the rules in force ask") {
    const auto wanted = [](const std::string& text) { return parse(text).policy->wanted; };
    const auto rule = [](const std::string& name, const std::string& lines) {
        return "[rule " + name + "]\ndo = deliver\n" + lines;
    };
    CHECK(wanted(rule("a", "if = virus\nif = sender *@a.example\nif = message_size > 1M\n")).nothing());
    CHECK(wanted(rule("a", "if = virus\nif = not true_type image/*\n")).every_type);
    CHECK(wanted("[conditions c]\nif = program\n" + rule("a", "if = conditions c\n")).every_type);
    CHECK(wanted(rule("a", "if = unopened\n")).every_type);
    const auto all = wanted("[conditions c]\nif = header X-B x\nif = language de\n" +
                            rule("a", "if = not conditions c\nif = subject x\n") +
                            rule("b", "if = missing_header X-A Subject\nif = writing han\nif = malformed_header\n"));
    CHECK(all.fields == std::vector<std::string>{"subject", "x-a", "x-b"});
    CHECK((all.language && all.writing && all.malformed));
    CHECK_FALSE(wanted(rule("a", "if = malformed_header date\n")).malformed);
    CHECK(wanted(rule("a", "enabled = no\nif = language de\n")).nothing());
    CHECK(wanted("[conditions c]\nif = language de\n" + rule("a", "")).nothing());
    // Facts that were gathered for other wishes do not fit.
    const auto set = [](const std::string& text) { return parse(text).policy->expression_set; };
    CHECK(set(rule("a", "if = virus\n")) == 0);
    CHECK(set(rule("a", "if = language de\n")) != 0);
    CHECK(set(rule("a", "if = language de\n")) == set(rule("b", "if = not language fr en\n")));
    CHECK(set(rule("a", "if = header a x\n")) != set(rule("a", "if = header b x\n")));
    CHECK(set(rule("a", "if = malformed_header\n")) != set(rule("a", "if = writing han\n")));
    CHECK(set(rule("a", "if = header a x\n")) != set(rule("a", "if = header a x\nif = program\n")));
    std::string many;
    for (int i = 0; i < 201; ++i)
        many += rule("r" + std::to_string(i), "if = header x-" + std::to_string(i) + " x\n");
    CHECK(error_of(many) == "policy.ini: error: the rules ask for more than 200 different header fields");
}

TEST_CASE("what is wrong with an expression is told with file and line") {
    const auto wrong = [](const std::string& line) { return error_of("[expression e]\nkeyword = x\n" + line + "\n"); };
    CHECK(wrong("where = everywhere") ==
          "policy.ini:3: error: where is header, subject, body, attachment, or several of them");
    CHECK(wrong("weight = 0") == "policy.ini:3: error: weight must be a number of 1 to 1000000");
    CHECK(wrong("near = 20") ==
          "policy.ini:3: error: near is written as \"20 words\", \"200 characters\" or \"3 of 20 words\"");
    CHECK(wrong("ready = cards") == "policy.ini:3: error: a ready-made expression stands alone in its section");
    CHECK(wrong("treshold = 1") ==
          "policy.ini:3: error: unknown key treshold in section [expression]; did you mean threshold?");
    CHECK(wrong("field = X-A: b") == "policy.ini:3: error: field is the name of a header field, without the colon");
    CHECK(wrong("file = /nowhere") == "policy.ini:3: error: the list /nowhere was not read");
    CHECK(error_of("[expression e]\nwhere = body\n") == "policy.ini:1: error: [expression e] looks for nothing");
    CHECK(parse("[expression e]\nready = card\n").errors.front() ==
          "policy.ini:2: error: there is no ready-made expression card; did you mean cards?");
}

namespace {

std::string in_tree(const std::string& path) {
    const char* const source = std::getenv("SANDWICH_SOURCE");
    REQUIRE(source != nullptr);
    const auto text = config::read_file(std::string(source) + "/" + path);
    REQUIRE(text);
    return *text;
}

}  // namespace

TEST_CASE("the sample policy is one that could be switched on") {
    const auto loaded = parse(in_tree("etc/policy.ini"));
    CHECK(loaded.errors.empty());
    CHECK(loaded.warnings.empty());
    REQUIRE(loaded.policy);
    CHECK(loaded.policy->rules.size() >= 10);
    CHECK(in_tree("test/fuzz/corpus/policy/sample") == in_tree("etc/policy.ini"));
    for (const auto& rule : loaded.policy->rules)
        CHECK((rule.final_action || !rule.steps.empty()));
}

TEST_CASE("rules ask for settings of recipients") {
    const auto loaded = parse(rule_with("setting = not Class Gold \"silver\"\nsetting = spam low"));
    REQUIRE(loaded.policy);
    CHECK(loaded.policy->asks_settings);
    const auto& settings = loaded.policy->rules.at(0).settings;
    REQUIRE(settings.size() == 2);
    CHECK(settings[0].setting == policy::Setting::kClass);
    CHECK(settings[0].negated);
    CHECK(settings[0].values == std::vector<std::string>{"gold", "silver"});
    CHECK(settings[0].text == "setting not Class Gold \"silver\"");
    CHECK(settings[1].setting == policy::Setting::kSpam);
    CHECK_FALSE(parse(rule_with("to = a@b")).policy->asks_settings);
}

TEST_CASE("sandwich-policy(5) knows every word, and no other") {
    const auto manual = in_tree("etc/man/sandwich-policy.5");
    for (const auto& kind : policy::setting_kinds())
        if (kind.for_rules)
            CHECK(manual.find(fmt::format(".It Cm {}\n", kind.name)) != std::string::npos);
    const auto conditions =
        manual.substr(manual.find(".Sh CONDITIONS"), manual.find(".Sh ACTIONS") - manual.find(".Sh CONDITIONS"));
    const auto actions =
        manual.substr(manual.find(".Sh ACTIONS"), manual.find(".Sh STAMPS") - manual.find(".Sh ACTIONS"));
    const auto tags = [](std::string_view text) {
        std::vector<std::string> words;
        for (auto at = text.find(".It Ic "); at != std::string_view::npos; at = text.find(".It Ic ", at + 1))
            words.emplace_back(text.substr(at + 7, text.find_first_of(" \n", at + 7) - at - 7));
        return words;
    };
    const auto plain = [](const std::vector<std::string_view>& words) {
        return std::vector<std::string>(words.begin(), words.end());
    };
    CHECK(tags(conditions) == plain(config::condition_words()));
    CHECK(tags(actions) == plain(config::deed_words()));
    for (const auto token : policy::token_names())
        CHECK(manual.find(fmt::format(".It Li %{}%\n", token)) != std::string::npos);
    for (const auto& one : policy::ready_made())
        CHECK(manual.find(fmt::format(".It Cm {}\n", one.name)) != std::string::npos);
    for (std::size_t i = 0; i < mail::mime::kDefects; ++i)
        CHECK(conditions.find(to_string(static_cast<mail::mime::Defect>(i))) != std::string::npos);
    for (std::size_t i = 0; i < policy::kContentLimits; ++i)
        CHECK(conditions.find(to_string(static_cast<policy::ContentLimit>(i))) != std::string::npos);
}
