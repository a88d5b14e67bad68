#include "policy/explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

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

std::string describe_tried(const Tried& tried) {
    std::string text = fmt::format("  rule {}: {}\n", tried.rule, word_of(tried.result));
    for (const auto& question : tried.questions)
        text += fmt::format("    {} {}{}{}\n", question.holds ? "yes" : "no ", question.text,
                            question.seen.empty() ? "" : ": ", question.seen);
    return text;
}

std::string describe_step(const Step& step) {
    switch (step.kind) {
        case Step::Kind::kTagSubject:
            return "tag_subject " + step.value;
        case Step::Kind::kAddHeader:
            return fmt::format("add_header {}: {}", step.name, step.value);
        case Step::Kind::kReplaceHeader:
            return fmt::format("replace_header {}: {}", step.name, step.value);
        case Step::Kind::kRemoveHeader:
            break;
        case Step::Kind::kStrip:
            return "strip";
        case Step::Kind::kStripAll:
            return "strip_all";
        case Step::Kind::kClean:
            return "clean";
        case Step::Kind::kStamp:
            return "stamp " + step.stamp->name;
        case Step::Kind::kCopy:
            return "copy " + step.value;
        case Step::Kind::kArchive:
            return "archive " + step.name;
        case Step::Kind::kNotify:
            return "notify " + step.notice->name;
    }
    return "remove_header " + step.name;
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
    text += ", " + decision.rule;
    for (const auto& step : decision.steps)
        text += "; " + describe_step(step);
    return text;
}

std::string explain(const Facts& facts, std::size_t recipient, const Rules& rules) {
    std::string text = printable(fmt::format("recipient <{}>", facts.envelope.recipients[recipient].path)) + ":\n";
    if (rules.policy) {
        std::vector<Tried> tried;
        rule_on(*rules.policy, facts, facts.envelope.recipients[recipient].path, &tried);
        for (const auto& one : tried)
            text += describe_tried(one);
    }
    const auto groups = divide(facts, {recipient}, rules, false);
    return text + "  decision: " + describe_decision(groups.front().decision) + "\n";
}

}  // namespace policy
