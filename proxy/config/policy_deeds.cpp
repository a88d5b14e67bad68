#include "config/policy_deeds.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <span>
#include <utility>

#include "base/utf8.hpp"
#include "config/condition_arguments.hpp"
#include "config/policy_words.hpp"
#include "config/spelling.hpp"
#include "config/value.hpp"
#include "net/address.hpp"
#include "policy/notice_text.hpp"

namespace config {

using policy::Action;
using StepKind = policy::Step::Kind;

namespace {

constexpr std::size_t kMaxAddress = 254;   // octets; RFC 5321 section 4.5.3.1.3, without the angle brackets
constexpr std::size_t kMaxAddresses = 50;  // of one line
constexpr std::size_t kMaxNote = 500;      // octets
constexpr std::size_t kMaxReplyText = 200;
constexpr std::string_view kStripped = "stripped";  // area of the originals
constexpr std::string_view kArchive = "archive";

constexpr std::string_view kStripNote =
    "An attachment was removed here: %FILENAME%. The rule %RULENAME% asks for it. The message as it came is kept as "
    "%QUARANTINE%.";
constexpr std::string_view kCleanNote =
    "Something harmful was removed here: %VIRUSNAME%. The message as it came is kept as %QUARANTINE%.";

// What follows the word.
enum class DeedTakes : std::uint8_t {
    kNothing,
    kReply,      // text of a reply
    kArea,       // of the quarantine
    kNote,       // area=NAME, then what stands in place of what is taken out
    kSubject,    // text
    kField,      // Name: value
    kFieldName,  // Name
    kStamp,      // [stamp NAME]
    kNotice,     // [notice NAME]
    kAddresses,
    kServer,
    kHours,  // days and hours, then the text of a reply
};

struct DeedForm {
    std::string_view word;
    DeedTakes takes;
    std::optional<Action> final_action{};
    std::optional<StepKind> step{};
};

constexpr DeedForm kDeedForms[] = {
    {"deliver", DeedTakes::kNothing, Action::kDeliver},
    {"quarantine", DeedTakes::kArea, Action::kQuarantine},
    {"reject", DeedTakes::kReply, Action::kReject},
    {"defer", DeedTakes::kReply, Action::kDefer},
    {"delay", DeedTakes::kHours, Action::kDefer},
    {"discard", DeedTakes::kNothing, Action::kDiscard},
    {"remove_recipient", DeedTakes::kNothing, Action::kDiscard},
    {"change_recipient", DeedTakes::kAddresses, Action::kDeliver},
    {"hand_off", DeedTakes::kServer, Action::kDeliver},
    {"clean", DeedTakes::kNote, Action::kDeliver, StepKind::kClean},
    {"strip", DeedTakes::kNote, {}, StepKind::kStrip},
    {"strip_all", DeedTakes::kNote, {}, StepKind::kStripAll},
    {"stamp", DeedTakes::kStamp, {}, StepKind::kStamp},
    {"tag_subject", DeedTakes::kSubject, {}, StepKind::kTagSubject},
    {"add_header", DeedTakes::kField, {}, StepKind::kAddHeader},
    {"replace_header", DeedTakes::kField, {}, StepKind::kReplaceHeader},
    {"remove_header", DeedTakes::kFieldName, {}, StepKind::kRemoveHeader},
    {"copy", DeedTakes::kAddresses, {}, StepKind::kCopy},
    {"bcc", DeedTakes::kAddresses, {}, StepKind::kCopy},
    {"add_recipient", DeedTakes::kAddresses, {}, StepKind::kCopy},
    {"archive", DeedTakes::kArea, {}, StepKind::kArchive},
    {"notify", DeedTakes::kNotice, {}, StepKind::kNotify},
};

// One line in the making.
struct Line {
    const DeedForm& form;
    std::string_view rest;  // behind the word, without blanks around it
    Deed& deed;

    [[nodiscard]] policy::Step& step() const { return deed.steps.front(); }
    [[nodiscard]] policy::Final& final_action() const { return *deed.final_action; }
};

// Cuts the first word off.
std::string_view take_word(std::string_view& text) {
    const auto word = text.substr(0, text.find_first_of(" \t"));
    text.remove_prefix(word.size());
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    return word;
}

// Fields on which the mail's own way depends, and those that only we may write.
bool is_protected(std::string_view name) {
    constexpr std::string_view kProtected[] = {"received",     "content-type",   "content-transfer-encoding",
                                               "mime-version", "dkim-signature", "return-path"};
    const auto key = lower(name);
    return key.starts_with("x-sandwich-") || std::ranges::find(kProtected, key) != std::end(kProtected);
}

base::Status take_area(std::string& area, std::string_view text) {
    area = lower(text);
    if (area.empty() || area.size() > 32 || !std::ranges::all_of(area, [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        }))
        return base::error("the name of an area has 1 to 32 letters, digits, - and _");
    return base::ok();
}

base::Status take_reply(policy::Final& final_action, std::string_view text) {
    if (text.size() > kMaxReplyText || !is_printable(text))
        return base::error("the text of a reply has at most {} printable ASCII characters", kMaxReplyText);
    final_action.text = std::string(text);
    return base::ok();
}

base::Status take_subject(const Line& line) {
    if (line.rest.empty() || line.rest.size() > 60 || !is_printable(line.rest))
        return base::error("tag_subject is followed by 1 to 60 printable ASCII characters");
    line.step().value = std::string(line.rest);
    return base::ok();
}

base::Status take_field(const Line& line) {
    const bool has_value = line.form.takes == DeedTakes::kField;
    auto& step = line.step();
    const auto colon = line.rest.find(':');
    step.name = std::string(line.rest.substr(0, has_value ? colon : line.rest.size()));
    if (!is_field_name(step.name) || (has_value && colon == std::string_view::npos))
        return base::error("a header field is written as {}",
                           has_value ? "Name: value" : "its name, without the colon");
    if (is_protected(step.name))
        return base::error("the field {} may not be changed", step.name);
    if (!has_value)
        return base::ok();
    const auto value = line.rest.substr(colon + 1);
    step.value = std::string(value.substr(std::min(value.find_first_not_of(' '), value.size())));
    if (step.value.empty() || step.value.size() > 900 || !is_printable(step.value))
        return base::error("the value of a header field has 1 to 900 printable ASCII characters");
    return base::ok();
}

base::Status take_note(const Line& line) {
    constexpr std::string_view kAreaIs = "area=";
    auto note = line.rest;
    auto& step = line.step();
    step.name = std::string(kStripped);
    if (same(note.substr(0, kAreaIs.size()), kAreaIs))
        if (auto taken = take_area(step.name, take_word(note).substr(kAreaIs.size())); !taken)
            return taken;
    const bool cleans = step.kind == StepKind::kClean;
    step.value = std::string(!note.empty() ? note : cleans ? kCleanNote : kStripNote);
    if (step.value.size() > kMaxNote || !base::is_clean_utf8(step.value))
        return base::error("a note has at most {} octets of UTF-8 without control characters", kMaxNote);
    if (const auto wrong = policy::wrong_token(step.value))
        return base::error("{}", wrong_token_message(*wrong));
    // Only the scanners know where it was.
    if (cleans && step.value.find("%FILENAME%") != std::string::npos)
        return base::error("clean is told what is in a file, and not its name: its note has no %FILENAME%");
    return base::ok();
}

base::Status take_stamp(const Line& line, const KnownTexts& known) {
    auto& step = line.step();
    step.stamp = known.stamp(line.rest);
    if (line.rest.empty())
        return base::error("stamp is followed by the name of a [stamp NAME] section");
    return step.stamp ? base::ok() : base::Status(base::error("there is no [stamp {}]", line.rest));
}

base::Status take_notice(const Line& line, const KnownTexts& known) {
    auto& step = line.step();
    step.notice = known.notice(line.rest);
    if (line.rest.empty())
        return base::error("notify is followed by the name of a [notice NAME] section");
    return step.notice ? base::ok() : base::Status(base::error("there is no [notice {}]", line.rest));
}

base::Status take_addresses(const Line& line) {
    std::vector<std::string> addresses;
    for (auto rest = line.rest; !rest.empty();) {
        const auto word = take_word(rest);
        if (auto good = check_address(word); !good)
            return good;
        // The domain's case means nothing, the user's is the other server's affair.
        if (std::ranges::none_of(addresses, [word](const std::string& other) { return same(other, word); }))
            addresses.emplace_back(word);
    }
    if (addresses.empty() || addresses.size() > kMaxAddresses)
        return base::error("{} is followed by 1 to {} addresses", line.form.word, kMaxAddresses);
    if (line.deed.final_action) {
        line.final_action().detour.recipients = std::move(addresses);
        return base::ok();
    }
    line.deed.steps.clear();
    for (auto& address : addresses)
        line.deed.steps.push_back({.kind = *line.form.step, .value = std::move(address)});
    return base::ok();
}

base::Status take_server(const Line& line) {
    const auto servers = net::ServerList::parse(line.rest);
    if (!servers)
        return servers.error();
    const auto list = servers->with_default(0);
    if (list.size() != 1 || list.front().port == 0 || list.front().address.any())
        return base::error("hand_off is followed by an address and a port, as 192.0.2.7:25 or [2001:db8::7]:25");
    line.final_action().detour.server = list.front().to_string();
    return base::ok();
}

// "mon-fri 08:00-18:00 text", "22:00-06:00 text", "sat,sun text".
base::Status take_hours(const Line& line) {
    auto text = line.rest;
    const auto first = take_word(text);
    auto behind = text;
    const auto second = take_word(behind);
    auto span = parse_span(first);
    std::string hours(first);
    const bool says_days = span && first.find(':') == std::string_view::npos;
    if (says_days && !second.empty() && second.front() >= '0' && second.front() <= '9') {
        hours += " " + std::string(second);
        span = parse_span(hours);
        text = behind;
    }
    if (!span)
        return base::error("delay is followed by the hours in which mail passes, as 22:00-06:00 or sat,sun: {}",
                           span.error().message);
    if (span->days == 0x7f && span->begin == 0 && span->end == 1440)
        return base::error("delay: these hours are all that there are, and nothing would wait");
    line.final_action().hours = *span;
    return take_reply(line.final_action(),
                      text.empty() ? fmt::format("this message is taken {}, and waits until then", hours) : text);
}

base::Status take_rest(const Line& line, const KnownTexts& known) {
    switch (line.form.takes) {
        case DeedTakes::kNothing:
            break;
        case DeedTakes::kReply:
            return take_reply(line.final_action(), line.rest);
        case DeedTakes::kArea:
            if (line.deed.final_action)
                return line.rest.empty() ? base::ok() : take_area(line.final_action().area, line.rest);
            return take_area(line.step().name, line.rest.empty() ? kArchive : line.rest);
        case DeedTakes::kNote:
            return take_note(line);
        case DeedTakes::kSubject:
            return take_subject(line);
        case DeedTakes::kField:
        case DeedTakes::kFieldName:
            return take_field(line);
        case DeedTakes::kStamp:
            return take_stamp(line, known);
        case DeedTakes::kNotice:
            return take_notice(line, known);
        case DeedTakes::kAddresses:
            return take_addresses(line);
        case DeedTakes::kServer:
            return take_server(line);
        case DeedTakes::kHours:
            return take_hours(line);
    }
    return line.rest.empty() ? base::ok() : base::Status(base::error("nothing may follow {}", line.form.word));
}

}  // namespace

std::vector<std::string_view> deed_words() {
    std::vector<std::string_view> words;
    std::ranges::transform(kDeedForms, std::back_inserter(words), &DeedForm::word);
    return words;
}

std::string_view deed_word(policy::Step::Kind kind) {
    const auto form = std::ranges::find_if(kDeedForms, [kind](const DeedForm& one) { return one.step == kind; });
    return form == std::end(kDeedForms) ? std::string_view{} : form->word;
}

std::string hint_at(std::string_view word, const std::vector<std::string_view>& candidates) {
    const auto close = near_miss(word, candidates);
    return close.empty() ? std::string() : fmt::format("; did you mean {}?", close);
}

std::string wrong_token_message(std::string_view wrong) {
    if (wrong == "%")
        return "a percent sign is written as %%, a token as %SUBJECT%";
    const auto name = wrong.substr(1, wrong.size() - 2);
    const auto close = near_miss(name, policy::token_names());
    return fmt::format("there is no token {}{}", wrong,
                       close.empty() ? "" : fmt::format("; did you mean %{}%?", close));
}

base::Status check_address(std::string_view text) {
    if (text.size() > kMaxAddress || text.find('@') == std::string_view::npos || !is_mailbox(text))
        return base::error("\"{}\" is no address as user@example.com", text.substr(0, 80));
    return base::ok();
}

bool join(policy::Final& into, const policy::Final& more) {
    const auto& one = into.detour;
    const auto& other = more.detour;
    if (into.action != Action::kDeliver || more.action != Action::kDeliver || (one.usual() && other.usual()) ||
        (!one.recipients.empty() && !other.recipients.empty()) || (!one.server.empty() && !other.server.empty()))
        return false;
    if (one.recipients.empty())
        into.detour.recipients = other.recipients;
    if (one.server.empty())
        into.detour.server = other.server;
    return true;
}

base::Result<Deed> parse_deed(std::string_view text, const KnownTexts& known) {
    auto rest = text;
    const auto word = take_word(rest);
    const auto form = std::ranges::find_if(kDeedForms, [word](const DeedForm& one) { return same(one.word, word); });
    if (form == std::end(kDeedForms))
        return base::error("unknown action {}{}", word, hint_at(word, deed_words()));
    Deed deed;
    if (form->step)
        deed.steps.push_back({.kind = *form->step});
    if (form->final_action)
        deed.final_action = policy::Final{.action = *form->final_action};
    if (auto taken = take_rest({*form, rest, deed}, known); !taken)
        return taken.error();
    if (form->word == "remove_recipient")
        deed.final_action->text = "recipient removed";
    return deed;
}

}  // namespace config
