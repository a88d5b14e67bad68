#include "policy/explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "mail/mime/defect.hpp"
#include "policy/printable.hpp"

namespace policy {
namespace {

constexpr std::array kMarks{Mark::kAttachment, Mark::kEncrypted, Mark::kMacro,  Mark::kScript,  Mark::kEmbedded,
                            Mark::kMalformed,  Mark::kUnopened,  Mark::kSigned, Mark::kExternal};

std::string marks_of(const Item& item) {
    std::string words;
    for (const auto mark : kMarks)
        if (item.is(mark))
            words.append(words.empty() ? " [" : ", ").append(to_string(mark));
    return words.empty() ? words : words + "]";
}

// Each further name that a reader may see; the first is in the path.
std::string other_names(const Item& item) {
    std::string words;
    for (std::size_t i = 1; i < item.names.size(); ++i)
        words += " or " + item.names[i];
    return words;
}

std::string describe_item(const Contents& contents, std::size_t index) {
    const auto& item = contents.items[index];
    const auto& type = item.true_type.empty() ? item.declared_type : item.true_type;
    std::string line =
        fmt::format("  {}{}: {}", item_path(contents, index), other_names(item), type.empty() ? "unknown type" : type);
    if (!item.declared_type.empty() && item.declared_type != type)
        line += fmt::format(" (declared {})", item.declared_type);
    return printable(fmt::format("{}, {} octets{}", line, item.size, marks_of(item))) + "\n";
}

std::string_view word_of(Tried::Result result) {
    switch (result) {
        case Tried::Result::kNotForThem:
            return "not for them";
        case Tried::Result::kNotNow:
            return "not now";
        case Tried::Result::kMatch:
            return "applies";
        case Tried::Result::kNoMatch:
            break;
    }
    return "does not apply";
}

void add_tried(std::string& text, const Tried& tried) {
    text.append("  rule ").append(tried.rule).append(": ").append(word_of(tried.result)).append(1, '\n');
    for (const auto& question : tried.questions) {
        text += question.holds ? "    yes " : "    no  ";
        append_printable(text, question.text);
        if (!question.seen.empty())
            text.append(": ").append(question.seen);
        text += '\n';
    }
}

constexpr std::size_t kShown = 60;  // octets of a text

// The beginning of a text, in one line.
std::string shortened(std::string_view text) {
    const auto line = text.substr(0, text.find('\n'));
    const bool whole = line.size() <= kShown && line.size() + 1 >= text.size();
    return printable(line.substr(0, kShown)) + (whole ? "" : "...");
}

std::string quoted(std::string_view text) {
    return fmt::format("\"{}\"", shortened(text));
}

// "strip (original in area stripped): "note""
std::string describe_removal(std::string_view word, const Step& step) {
    return fmt::format("{} (original in area {}): {}", word, step.name, quoted(step.value));
}

std::string describe_stamp(const Stamp& stamp) {
    return fmt::format("stamp {} at the {}: {}", stamp.name, stamp.at_end ? "end" : "start", quoted(stamp.plain));
}

std::string describe_notice(const Notice& notice) {
    std::string text = fmt::format("notify {} to", notice.name);
    for (const auto& [wanted, word] : {std::pair{notice.to_sender, " sender"},
                                       {notice.to_recipients, " recipients"},
                                       {notice.to_postmaster, " postmaster"}})
        text += wanted ? word : "";
    for (const auto& address : notice.addresses)
        text += " " + address;
    text += ": " + quoted(notice.subject);
    return notice.per_hour == 0 ? text : fmt::format("{}, at most {} an hour to each", text, notice.per_hour);
}

std::string describe_step(const Step& step) {
    switch (step.kind) {
        case Step::Kind::kTagSubject:
            return "tag_subject " + step.value;
        case Step::Kind::kAddHeader:
            return fmt::format("add_header {}: {}", step.name, shortened(step.value));
        case Step::Kind::kReplaceHeader:
            return fmt::format("replace_header {}: {}", step.name, shortened(step.value));
        case Step::Kind::kRemoveHeader:
            break;
        case Step::Kind::kStrip:
            return describe_removal("strip", step);
        case Step::Kind::kStripAll:
            return describe_removal("strip_all", step);
        case Step::Kind::kClean:
            return describe_removal("clean", step);
        case Step::Kind::kStamp:
            return describe_stamp(*step.stamp);
        case Step::Kind::kCopy:
            return "copy to " + step.value;
        case Step::Kind::kArchive:
            return fmt::format("archive in area {}", step.name);
        case Step::Kind::kNotify:
            return describe_notice(*step.notice);
    }
    return "remove_header " + step.name;
}

// "mon-fri 08:00-18:00": runs of days, from Monday on.
std::string describe_hours(const Span& span) {
    constexpr std::array<std::string_view, 7> kNames{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    const auto on = [&span](std::size_t day) { return (span.days & (1U << ((day + 1) % 7))) != 0; };
    std::string days;
    for (std::size_t day = 0; day < kNames.size(); ++day) {
        if (!on(day))
            continue;
        const auto first = day;
        while (day + 1 < kNames.size() && on(day + 1))
            ++day;
        days.append(days.empty() ? "" : ",").append(kNames[first]);
        if (day > first)
            days.append("-").append(kNames[day]);
    }
    return fmt::format("{} {:02}:{:02}-{:02}:{:02}", days, span.begin / 60, span.begin % 60, span.end / 60,
                       span.end % 60);
}

std::string describe_detour(const Detour& detour) {
    std::string text;
    if (!detour.recipients.empty())
        text += fmt::format(" to {}", fmt::join(detour.recipients, " "));
    if (!detour.server.empty())
        text += " by " + detour.server;
    return text;
}

}  // namespace

std::string_view to_string(Mark mark) {
    switch (mark) {
        case Mark::kAttachment:
            return "attachment";
        case Mark::kEncrypted:
            return "encrypted";
        case Mark::kMacro:
            return "macro";
        case Mark::kScript:
            return "script";
        case Mark::kEmbedded:
            return "embedded";
        case Mark::kMalformed:
            return "malformed";
        case Mark::kUnopened:
            return "unopened";
        case Mark::kSigned:
            return "signed";
        case Mark::kExternal:
            break;
    }
    return "external";
}

std::string describe_report(const ScanReport& report) {
    std::string text;
    for (const auto& result : report.results) {
        text += fmt::format("{}: {}", result.scanner, to_string(result.outcome));
        if (result.outcome == Outcome::kCannotTell)
            text += fmt::format(" ({})", to_string(result.cause));
        for (const auto& word : {result.name, result.detail})
            if (!word.empty())
                text += " " + printable(word);
        text += '\n';
    }
    const auto& contents = report.contents;
    if (contents.items.size() > 1)
        text += "contents:\n";
    for (std::size_t i = 1; i < contents.items.size(); ++i)
        text += describe_item(contents, i);
    for (const auto& one : contents.exceeded)
        text += printable(fmt::format("limit {}: {} at \"{}\"", to_string(one.limit), one.value,
                                      item_path(contents, one.item))) +
                "\n";
    if (contents.defects != 0)
        text += fmt::format("{}: {}\n", mail::mime::is_malformed(contents.defects) ? "malformed" : "defects",
                            mail::mime::describe(contents.defects));
    return text;
}

std::string describe_decision(const Decision& decision) {
    std::string text(to_string(decision.action));
    if (!decision.area.empty())
        text += fmt::format(" (area {})", decision.area);
    text += describe_detour(decision.detour);
    if (decision.hours)
        text += fmt::format(" until {}", describe_hours(*decision.hours));
    if (!decision.text.empty())
        text += fmt::format(" {}", quoted(decision.text));
    text += ", " + decision.rule;
    for (const auto& step : decision.steps)
        text += "; " + describe_step(step);
    return text;
}

std::string explain(const Facts& facts, std::size_t recipient, const Rules& rules) {
    const auto& path = facts.envelope.recipients[recipient].path;
    std::string text = printable(fmt::format("recipient <{}>", path)) + ":\n";
    if (rules.policy && !meets_rules(facts, path, rules)) {
        text += "  rules: not asked, the mail is malformed\n";
    } else if (rules.policy) {
        std::vector<Tried> tried;
        rule_on(*rules.policy, facts, recipient, &tried);
        for (const auto& one : tried)
            add_tried(text, one);
    }
    const auto groups = divide(facts, {recipient}, rules, false);
    return text + "  decision: " + describe_decision(groups.front().decision) + "\n";
}

}  // namespace policy
