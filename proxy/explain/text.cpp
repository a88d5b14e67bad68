#include "explain/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "policy/explain.hpp"
#include "policy/printable.hpp"

namespace explain {
namespace {

using policy::printable;

policy::Facts facts_of(const Case& one) {
    policy::Facts facts{one.report, one.envelope};
    facts.size = one.size;
    facts.client = one.client_address;
    facts.client_name = one.client_name;
    facts.moment = one.moment;
    facts.settings = one.settings;
    return facts;
}

std::string line(std::string_view key, std::string_view value) {
    return fmt::format("{:<15}{}\n", key, printable(value));
}

std::string heading(const Case& one) {
    auto text = line("id:", one.names.id);
    text += line("time:", base::iso8601(one.time));
    if (!one.names.inbound_id.empty())
        text += line("inbound id:", one.names.inbound_id);
    if (!one.names.message_id.empty())
        text += line("message id:", one.names.message_id);
    text += line("relay:", one.relay);
    if (!one.client.empty())
        text += line("client:", one.client_name.empty() ? one.client : one.client + " " + one.client_name);
    text += line("from:", fmt::format("<{}>", one.envelope.reverse_path));
    text += line("recipients:", fmt::format("{}", one.envelope.recipients.size()));
    text += line("size:", fmt::format("{} octets", one.size));
    return text + line("configuration:", fmt::format("generation {}", one.configuration));
}

std::string judged_by(const policy::ScanReport& report) {
    if (report.generation == 0)
        return line("signatures:", "none");
    auto text = fmt::format("generation {}", report.generation);
    if (!report.signatures.empty())
        text += ", " + report.signatures;
    return line("signatures:", text) + line("scan time:", fmt::format("{} ms", report.elapsed.count() / 1000));
}

// "<a>, <b> and 3 others"
std::string names_of(const Case& one, const std::vector<std::size_t>& recipients) {
    std::string text;
    for (std::size_t i = 0; i < std::min(recipients.size(), kMaxNamesOnLine); ++i)
        text += fmt::format("{}<{}>", i == 0 ? "" : ", ", printable(one.envelope.recipients[recipients[i]].path));
    if (recipients.size() > kMaxNamesOnLine)
        text += fmt::format(" and {} others", recipients.size() - kMaxNamesOnLine);
    return text;
}

// What is said of some recipients.
struct Said {
    std::string text;
    std::vector<std::size_t> recipients;
};

std::vector<Said> said_of_each(const Case& one) {
    const auto facts = facts_of(one);
    std::vector<Said> all;
    std::size_t octets = 0;
    const auto count = std::min(one.recipients.size(), kMaxExplained);
    for (std::size_t i = 0; i < count && octets < kMaxText; ++i) {
        auto text = policy::explain(facts, one.recipients[i], *one.rules);
        text.erase(0, text.find('\n') + 1);  // the recipient's name
        const auto same = std::find_if(all.begin(), all.end(), [&](const Said& said) { return said.text == text; });
        if (same != all.end()) {
            same->recipients.push_back(one.recipients[i]);
            continue;
        }
        octets += text.size();
        all.push_back({std::move(text), {one.recipients[i]}});
    }
    return all;
}

std::string recipients_part(const Case& one) {
    std::string text;
    std::size_t told = 0;
    for (const auto& said : said_of_each(one)) {
        text += fmt::format("recipient{} {}:\n{}", said.recipients.size() > 1 ? "s" : "",
                            names_of(one, said.recipients), said.text);
        told += said.recipients.size();
    }
    if (told < one.recipients.size())
        text += fmt::format("{} more recipients are not explained\n", one.recipients.size() - told);
    return text;
}

// What one reply for all of them makes of it.
std::string groups_part(const Case& one) {
    std::string text = "done:\n";
    for (const auto& group : policy::divide(facts_of(one), one.recipients, *one.rules, one.one_reply))
        text += fmt::format("  {}: {}\n", names_of(one, group.recipients), policy::describe_decision(group.decision));
    return text;
}

}  // namespace

std::string cut_lines(std::string text, std::size_t limit) {
    constexpr std::size_t kNote = 64;  // more than the note takes
    if (text.size() <= limit)
        return text;
    const auto end = text.rfind('\n', limit - std::min(limit, kNote));
    const auto begin = end == std::string::npos ? 0 : end + 1;
    const auto lines = std::count(text.begin() + static_cast<std::ptrdiff_t>(begin), text.end(), '\n');
    text.resize(begin);
    return text + fmt::format("... {} more lines, {} octets at most are kept\n", lines, limit);
}

std::string to_text(const Case& one) {
    auto text = heading(one);
    if (!one.not_judged.empty())
        return text + "not judged:    " + printable(one.not_judged) + "\n";
    text += judged_by(one.report) + cut_lines(policy::describe_report(one.report), kMaxReport);
    auto rest = recipients_part(one);
    // Few octets, and what all the rest is about: they are not what is cut.
    auto end = one.envelope.recipients.size() > 1 ? cut_lines(groups_part(one), kMaxText / 8) : std::string();
    const auto room = kMaxText - std::min(kMaxText, text.size() + end.size());
    auto whole = text + cut_lines(std::move(rest), room) + end;
    // Texts come from outside, and a decision's may hold what is no ASCII.
    std::replace_if(
        whole.begin(), whole.end(), [](char octet) { return octet != '\n' && (octet < ' ' || octet > '~'); }, '?');
    return whole;
}

}  // namespace explain
