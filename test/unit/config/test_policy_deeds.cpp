// What rules do: its words, the texts that they name, and how what is wrong with them is told.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "config/check.hpp"
#include "config/load.hpp"
#include "config/policy_deeds.hpp"
#include "config/policy_file.hpp"
#include "config/text_sections.hpp"

using config::PolicyFiles;
using policy::Action;
using policy::Step;

namespace {

config::LoadedPolicy parse(std::string text, std::string file = {}) {
    PolicyFiles files{{{"policy.ini", std::move(text), false}}};
    files.files.push_back({"/text", std::move(file), true});
    return config::parse_policy(files);
}

// The only error of a text, without "policy.ini:".
std::string error_of(std::string text, std::string file = {}) {
    const auto loaded = parse(std::move(text), std::move(file));
    CHECK(loaded.errors.size() == 1);
    CHECK_FALSE(loaded.policy);
    if (loaded.errors.empty())
        return "";
    CHECK(loaded.errors.front().starts_with("policy.ini:"));
    return loaded.errors.front().substr(11);
}

// "if = virus" keeps "clean" from being warned about.
policy::Rule rule(const std::string& lines, const std::string& sections = "") {
    auto loaded = parse("[rule r]\nif = virus\n" + lines + sections);
    CHECK(loaded.errors.empty());
    CHECK(loaded.warnings.empty());
    return loaded.policy ? loaded.policy->rules.at(0) : policy::Rule{};
}

std::string wrong(const std::string& action) {
    return error_of("[rule r]\ndo = " + action + "\n");
}

constexpr const char* kFoot = "[stamp foot]\ntext = Ours\n";
constexpr const char* kNotice = "[notice n]\nto = postmaster\nsubject = s\ntext = t\n";

}  // namespace

TEST_CASE("what is taken out") {
    auto steps = rule("do = strip\ndo = strip_all area=Kept gone: %FILENAME%\ndo = strip \xc3\xa4 100%%\n").steps;
    REQUIRE(steps.size() == 3);
    CHECK(steps[0].kind == Step::Kind::kStrip);
    CHECK(steps[0].name == "stripped");
    CHECK(steps[0].value.find("%FILENAME%") != std::string::npos);
    CHECK(steps[1] == Step{.kind = Step::Kind::kStripAll, .name = "kept", .value = "gone: %FILENAME%"});
    CHECK(steps[2].value == "\xc3\xa4 100%%");
    const auto cleaning = rule("do = clean area=viruses\n");
    REQUIRE(cleaning.steps.size() == 1);
    CHECK(cleaning.steps[0].kind == Step::Kind::kClean);
    CHECK(cleaning.steps[0].name == "viruses");
    REQUIRE(cleaning.final_action);
    CHECK(*cleaning.final_action == policy::Final{.action = Action::kDeliver});
    CHECK(wrong("strip area= note") == "2: error: the name of an area has 1 to 32 letters, digits, - and _");
    CHECK(wrong("strip area=a/b") == "2: error: the name of an area has 1 to 32 letters, digits, - and _");
    CHECK(wrong("strip %FILE%") == "2: error: there is no token %FILE%");
    CHECK(wrong("strip %FILNAME%") == "2: error: there is no token %FILNAME%; did you mean %FILENAME%?");
    CHECK(wrong("strip 50% of it") == "2: error: a percent sign is written as %%, a token as %SUBJECT%");
    CHECK(wrong("strip \xff") == "2: error: a note has at most 500 octets of UTF-8 without control characters");
    CHECK(wrong("strip " + std::string(501, 'x')) ==
          "2: error: a note has at most 500 octets of UTF-8 without control characters");
    CHECK(wrong("clean %FILENAME%") ==
          "2: error: clean is told what is in a file, and not its name: its note has no %FILENAME%");
}

TEST_CASE("other ways of delivery") {
    CHECK(rule("do = change_recipient a@b.test c@D.test A@b.test\n").final_action->detour.recipients ==
          std::vector<std::string>{"a@b.test", "c@D.test"});
    CHECK(rule("do = hand_off 192.0.2.7:25\n").final_action->detour.server == "192.0.2.7:25");
    CHECK(rule("do = hand_off [2001:DB8::7]:2525\n").final_action->detour.server == "[2001:db8::7]:2525");
    const auto removed = rule("do = remove_recipient\n").final_action;
    REQUIRE(removed);
    CHECK(*removed == policy::Final{.action = Action::kDiscard, .text = "recipient removed"});
    // They can stand together, in any order.
    for (const auto* lines : {"do = hand_off 192.0.2.7:25\ndo = clean\ndo = change_recipient a@b.test\n",
                              "do = clean\ndo = change_recipient a@b.test\ndo = hand_off 192.0.2.7:25\n"}) {
        const auto both = rule(lines);
        CHECK(both.final_action->detour == policy::Detour{{"a@b.test"}, "192.0.2.7:25"});
        CHECK(both.steps.size() == 1);
    }
    const std::string two = "error: a rule has one final action, and this is a second one";
    CHECK(wrong("hand_off 192.0.2.7:25\ndo = hand_off 192.0.2.8:25") == "3: " + two);
    CHECK(wrong("change_recipient a@b.test\ndo = change_recipient a@b.test") == "3: " + two);
    CHECK(wrong("hand_off 192.0.2.7:25\ndo = quarantine") == "3: " + two);
    CHECK(wrong("quarantine\ndo = clean") == "3: " + two);
    CHECK(wrong("clean\ndo = clean") == "3: " + two);
    const std::string form =
        "2: error: hand_off is followed by an address and a port, as 192.0.2.7:25 or [2001:db8::7]:25";
    for (const auto* server : {"192.0.2.7", "0.0.0.0:25", "192.0.2.7:25 192.0.2.8:25"})
        CHECK(wrong(std::string("hand_off ") + server) == form);
    for (const auto* server : {"mail.test:25", "192.0.2.7:0", "192.0.2.7:65536", "2001:db8::7:x", ""})
        CHECK(wrong(std::string("hand_off ") + server).starts_with("2: error: "));
    CHECK(wrong("change_recipient") == "2: error: change_recipient is followed by 1 to 50 addresses");
    for (const auto* bad : {"bob", "a@b,c@d", "<a@b.test>", "@b.test", "a@-b"})
        CHECK(wrong(std::string("change_recipient ") + bad).starts_with("2: error: "));
    CHECK(wrong("remove_recipient x@y.test") == "2: error: nothing may follow remove_recipient");
}

TEST_CASE("a mail is not handed off to the proxy itself") {
    const auto loaded = config::parse("[socket_1]\nproxy_addr=0.0.0.0\nproxy_port=18000\n");
    REQUIRE(loaded.settings);
    const config::Machine machine{"host.test", {*net::Address::parse("192.0.2.20")}};
    const auto errors = [&](const std::string& server) {
        const auto policy = parse("[rule a]\ndo = deliver\n[rule r]\ndo = hand_off " + server + "\n").policy;
        return config::check_policy(*loaded.settings, *policy, machine);
    };
    CHECK(errors("127.0.0.1:18000") ==
          std::vector<std::string>{"policy.ini:3: error: [rule r] hands off to the proxy's own socket 127.0.0.1:18000: "
                                   "mail would go round in a circle"});
    CHECK(errors("192.0.2.20:18000").size() == 1);
    CHECK(errors("192.0.2.20:18001").empty());
    CHECK(errors("192.0.2.21:18000").empty());
}

TEST_CASE("a delay says its hours") {
    const auto night = *rule("do = delay 22:00-06:00 large mail waits\n").final_action;
    CHECK(night == policy::Final{.action = Action::kDefer,
                                 .text = "large mail waits",
                                 .hours = policy::Span{0x7f, 22 * 60, 6 * 60}});
    CHECK(*rule("do = delay mon-fri 08:00-18:00 x\n").final_action ==
          policy::Final{.action = Action::kDefer, .text = "x", .hours = policy::Span{0b0111110, 480, 1080}});
    const auto weekend = *rule("do = delay sat,sun\n").final_action;
    CHECK(weekend.hours == policy::Span{0b1000001, 0, 1440});
    CHECK(weekend.text == "this message is taken sat,sun, and waits until then");
    CHECK(rule("do = delay sat,sun only then\n").final_action->text == "only then");
    const std::string form =
        "2: error: delay is followed by the hours in which mail passes, as 22:00-06:00 or sat,sun: ";
    CHECK(wrong("delay") == form + "a time is written as mon-fri 08:00-18:00");
    CHECK(wrong("delay mon-fri 8-18") == form + "\"8-18\": hours are written as 08:00-18:00");
    CHECK(wrong("delay until night") == form + "\"until\": hours are written as 08:00-18:00");
    CHECK(wrong("delay 00:00-24:00") == "2: error: delay: these hours are all that there are, and nothing would wait");
    CHECK(wrong("delay 22:00-06:00 \xc3\xa4") ==
          "2: error: the text of a reply has at most 200 printable ASCII characters");
}

TEST_CASE("copies, archives, texts") {
    const auto made = rule(
        "do = copy x@y.test z@y.test\ndo = bcc b@y.test\ndo = add_recipient c@y.test\ndo = archive\n"
        "do = archive Kept\ndo = stamp FOOT\ndo = notify n\n",
        std::string(kFoot) + kNotice);
    REQUIRE(made.steps.size() == 8);
    CHECK_FALSE(made.final_action);
    CHECK(made.steps[0] == Step{.kind = Step::Kind::kCopy, .value = "x@y.test"});
    CHECK(made.steps[1] == Step{.kind = Step::Kind::kCopy, .value = "z@y.test"});
    CHECK(made.steps[3] == Step{.kind = Step::Kind::kCopy, .value = "c@y.test"});
    CHECK(made.steps[4] == Step{.kind = Step::Kind::kArchive, .name = "archive"});
    CHECK(made.steps[5].name == "kept");
    CHECK(made.steps[6].stamp->plain == "Ours\n");
    CHECK(made.steps[7].notice->subject == "s");
    CHECK(wrong("copy bob") == "2: error: \"bob\" is no address as user@example.com");
    CHECK(wrong("copy") == "2: error: copy is followed by 1 to 50 addresses");
    CHECK(wrong("archive a b") == "2: error: the name of an area has 1 to 32 letters, digits, - and _");
    CHECK(wrong("stamp") == "2: error: stamp is followed by the name of a [stamp NAME] section");
    CHECK(wrong("stamp foot") == "2: error: there is no [stamp foot]");
    CHECK(wrong("notify") == "2: error: notify is followed by the name of a [notice NAME] section");
    CHECK(wrong("notify n") == "2: error: there is no [notice n]");
    CHECK(wrong("stripp") == "2: error: unknown action stripp; did you mean strip?");
    CHECK(wrong("handoff 192.0.2.7:25") == "2: error: unknown action handoff; did you mean hand_off?");
    std::string many = "copy a@b.test";
    for (int i = 0; i < 100; ++i)
        many += "\ndo = archive a" + std::to_string(i);
    CHECK(wrong(many) == "102: error: more than 100 actions");
}

TEST_CASE("a stamp as it is written") {
    const auto loaded = parse(
        "[stamp s]\nplace = Start\ntext = One\ntext =\nfile = /text\ntext = Two\nhtml = <p>\n"
        "html = </p>\n[stamp t]\ntext = x\nhtml_file = /text\n[rule r]\ndo = stamp s\ndo = stamp t\n",
        "\xef\xbb\xbf\xc3\xa4\r\n\tb\nlast");
    REQUIRE(loaded.errors.empty());
    const auto& s = *loaded.policy->rules.at(0).steps.at(0).stamp;
    CHECK(s.name == "s");
    CHECK_FALSE(s.at_end);
    CHECK(s.plain == "One\n\n\xc3\xa4\n\tb\nlast\nTwo\n");
    CHECK(s.html == "<p>\n</p>\n");
    const auto& t = *loaded.policy->rules.at(0).steps.at(1).stamp;
    CHECK(t.at_end);
    CHECK(t.html == "\xc3\xa4\n\tb\nlast\n");
    const auto bad = [](const std::string& line, const std::string& file = "") {
        return error_of("[stamp s]\ntext = x\n" + line + "\n", file);
    };
    CHECK(bad("place = top") == "3: error: place is start or end");
    CHECK(bad("plase = end") == "3: error: unknown key plase in section [stamp]; did you mean place?");
    CHECK(bad("file = /none") == "3: error: the file /none was not read");
    CHECK(bad("text = \xe4") == "3: error: a line has at most 900 octets of UTF-8 without control characters");
    CHECK(bad("text = " + std::string(901, 'x')) ==
          "3: error: a line has at most 900 octets of UTF-8 without control characters");
    CHECK(bad("file = /text", "good\n\xe4\n") ==
          "3: error: /text:2: a line has at most 900 octets of UTF-8 without control characters");
    CHECK(bad("html_file = /text", std::string("a\0b", 3)) ==
          "3: error: /text:1: a line has at most 900 octets of UTF-8 without control characters");
    std::string big;
    for (int i = 0; i < 200; ++i)
        big += std::string(99, 'x') + "\n";
    CHECK(bad("file = /text", big) == "3: error: /text:164: the text has more than 16384 octets");
    CHECK(bad("html_file = /text", big) == "3: error: /text:164: the text has more than 16384 octets");
    CHECK(error_of("[stamp s]\nhtml = <p>\n") == "1: error: [stamp s] has no text: a line text= or file= is missing");
    CHECK(error_of("[stamp s]\ntext =\n") == "1: error: [stamp s] has no text: a line text= or file= is missing");
    // What is wrong is told once.
    CHECK(error_of("[stamp s]\ntext = \xe4\n[rule r]\ndo = stamp s\n").starts_with("2: error: a line has"));
}

TEST_CASE("a notice as it is written") {
    const auto loaded = parse(
        "[notice n]\nto = sender Recipients postmaster\nto = a@b.test c@d.test a@b.test\n"
        "from = Mail \xc3\xa4 check <x@y.test>\nsubject = Held: %SUBJECT%\ntext = One %ID%\n"
        "file = /text\nper_hour = 0\n[rule r]\ndo = notify n\n",
        "from the file: %SENDER%\n");
    REQUIRE(loaded.errors.empty());
    const auto& n = *loaded.policy->rules.at(0).steps.at(0).notice;
    CHECK(n.name == "n");
    CHECK(n.to_sender);
    CHECK(n.to_recipients);
    CHECK(n.to_postmaster);
    CHECK(n.addresses == std::vector<std::string>{"a@b.test", "c@d.test"});
    CHECK(n.from == "Mail \xc3\xa4 check <x@y.test>");
    CHECK(n.subject == "Held: %SUBJECT%");
    CHECK(n.text == "One %ID%\nfrom the file: %SENDER%\n");
    CHECK(n.per_hour == 0);
    const auto usual = parse(std::string(kNotice) + "[rule r]\ndo = notify n\n");
    const auto& defaults = *usual.policy->rules.at(0).steps.at(0).notice;
    CHECK_FALSE(defaults.to_sender);
    CHECK(defaults.from.empty());
    CHECK(defaults.per_hour == 100);
    const auto bad = [](const std::string& line, const std::string& file = "") {
        return error_of(kNotice + line + "\n", file);
    };
    const std::string to = "5: error: to is sender, recipients, postmaster, or addresses as user@example.com; not ";
    CHECK(bad("to = sendr") == to + "\"sendr\"; did you mean sender?");
    CHECK(bad("to = bob") == to + "\"bob\"");
    CHECK(bad("to = a@b.test,c@d.test") == to + "\"a@b.test,c@d.test\"");
    const std::string from = "5: error: from is an address, or a name and an address: Mail check <user@example.com>";
    for (const auto* text :
         {"", "bob", "a b@c.test", "x <a@b.test", "\"x\" <a@b.test>", "x <a@b.test> y", "x>y <a@b.test>"})
        CHECK(bad(std::string("from = ") + text) == from);
    CHECK(bad("subject = %SUBJEKT%") == "5: error: there is no token %SUBJEKT%; did you mean %SUBJECT%?");
    CHECK(bad("subject =") == "5: error: subject has 1 to 200 octets of UTF-8 without control characters");
    CHECK(bad("text = %NOTHING%") == "5: error: there is no token %NOTHING%");
    CHECK(bad("text = 100%") == "5: error: a percent sign is written as %%, a token as %SUBJECT%");
    CHECK(bad("file = /text", "a\nb %NO%\n") == "5: error: /text:2: there is no token %NO%");
    CHECK(bad("per_hour = many") == "5: error: per_hour is a number of 0 to 100000; 0: any number");
    CHECK(bad("per_hour = 100001") == "5: error: per_hour is a number of 0 to 100000; 0: any number");
    CHECK(bad("perhour = 1") == "5: error: unknown key perhour in section [notice]; did you mean per_hour?");
    CHECK(error_of("[notice n]\nsubject = s\ntext = t\n") == "1: error: [notice n]: a line to= is missing");
    CHECK(error_of("[notice n]\nto = sender\ntext = t\n") == "1: error: [notice n]: a line subject= is missing");
    CHECK(error_of("[notice n]\nto = sender\nsubject = s\n") == "1: error: [notice n]: a line text= is missing");
}

TEST_CASE("what is written so and not meant so is warned about") {
    const auto warnings = [](const std::string& text) {
        const auto loaded = parse(text);
        CHECK(loaded.errors.empty());
        return loaded.warnings;
    };
    const auto bounce = warnings("[rule a]\ndo = deliver\n[rule b]\ndo = reject\n[rule c]\ndo = reject\n");
    REQUIRE(bounce.size() == 1);
    CHECK(bounce[0] ==
          "policy.ini:3: warning: [rule b] refuses mail, so that the inbound server sends a bounce to an address that "
          "may "
          "be forged; quarantine does not");
    CHECK(warnings("[rule a]\nenabled = no\ndo = reject\ndo = tag_subject X\n").empty());
    for (const auto* word : {"quarantine", "reject", "defer", "discard"}) {
        const auto lost = warnings(std::string("[rule a]\ndo = archive\ndo = tag_subject X\ndo = ") + word + "\n");
        REQUIRE_FALSE(lost.empty());
        CHECK(
            lost.back() ==
            fmt::format("policy.ini:1: warning: [rule a] changes with tag_subject what is delivered, and then does not "
                        "deliver it: {}",
                        word));
    }
    for (const auto* fine :
         {"do = archive\ndo = notify n\ndo = quarantine\n", "do = tag_subject X\ndo = delay 22:00-06:00\n",
          "do = strip\n", "do = strip\ndo = deliver\n", "do = copy a@b.test\ndo = hand_off 192.0.2.7:25\n",
          "if = virus\ndo = clean\n", "match = any\nif = scanner clamd found\nif = macro\ndo = clean\n"})
        CHECK(warnings(std::string("[rule a]\n") + fine + kNotice).empty());
    for (const auto* lost :
         {"do = clean\n", "if = not virus\ndo = clean\n", "if = scanner clamd encrypted\ndo = clean\n"}) {
        const auto told = warnings(std::string("[rule a]\n") + lost);
        REQUIRE(told.size() == 1);
        CHECK(told[0] ==
              "policy.ini:1: warning: [rule a] cleans, and asks for no virus (if = virus): viruses have the settings' "
              "action");
    }
}

TEST_CASE("the files of texts are read with the lists") {
    namespace fs = std::filesystem;
    const auto directory = fs::temp_directory_path() / fmt::format("sandwich-texts-{}", ::getpid());
    fs::create_directories(directory);
    const auto write = [&](const char* name, const std::string& text) {
        std::ofstream(directory / name) << text;
        return (directory / name).string();
    };
    const auto plain = write("foot.txt", "plain\n");
    const auto html = write("foot.html", "<p>html\n");
    write("a.ini", "[stamp s]\nfile = " + plain + "\nhtml_file = " + html + "\n[rule r]\ndo = stamp s\n");
    const auto files = config::read_policy_files("", directory.string());
    REQUIRE(files);
    CHECK(files->files.size() == 3);
    const auto loaded = config::parse_policy(*PolicyFiles::unpack(files->pack()));
    REQUIRE(loaded.policy);
    CHECK(loaded.policy->rules.at(0).steps.at(0).stamp->plain == "plain\n");
    CHECK(loaded.policy->rules.at(0).steps.at(0).stamp->html == "<p>html\n");
    fs::remove(html);
    CHECK_FALSE(config::read_policy_files("", directory.string()));
    fs::remove_all(directory);
}
