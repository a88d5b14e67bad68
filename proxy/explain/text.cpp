#include "explain/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "policy/explain.hpp"
#include "policy/printable.hpp"

namespace explain {
namespace {

policy::Facts facts_of(const Case& one) {
    policy::Facts facts{one.report, one.envelope};
    facts.size = one.size;
    facts.client = one.client_address;
    facts.client_name = one.client_name;
    facts.moment = one.moment;
    facts.settings = one.settings;
    return facts;
}

// Appended to one text, not put together from many: each mail has a dozen of them.
template <typename... Values>
void add_line(std::string& text, std::string_view key, const Values&... values) {
    constexpr std::size_t kColumn = 15;
    text.append(key).append(kColumn - std::min(kColumn, key.size()), ' ');
    (policy::append_printable(text, values), ...);
    text += '\n';
}

std::string heading(const Case& one) {
    std::string text;
    text.reserve(1024);
    add_line(text, "id:", one.names.id);
    add_line(text, "time:", base::iso8601(one.time));
    if (!one.names.inbound_id.empty())
        add_line(text, "inbound id:", one.names.inbound_id);
    if (!one.names.message_id.empty())
        add_line(text, "message id:", one.names.message_id);
    add_line(text, "relay:", one.relay);
    if (!one.client.empty())
        add_line(text, "client:", one.client, one.client_name.empty() ? "" : " ", one.client_name);
    add_line(text, "from:", "<", one.envelope.reverse_path, ">");
    add_line(text, "recipients:", std::to_string(one.envelope.recipients.size()));
    add_line(text, "size:", std::to_string(one.size), " octets");
    add_line(text, "configuration:", "generation ", std::to_string(one.configuration));
    return text;
}

void add_judged_by(std::string& text, const policy::ScanReport& report) {
    if (report.generation == 0)
        return add_line(text, "signatures:", "none");
    add_line(text, "signatures:", "generation ", std::to_string(report.generation),
             report.signatures.empty() ? "" : ", ", report.signatures);
    add_line(text, "scan time:", std::to_string(report.elapsed.count() / 1000), " ms");
}

// "<a>, <b> and 3 others"
std::string names_of(const Case& one, const std::vector<std::size_t>& recipients) {
    std::string text;
    for (std::size_t i = 0; i < std::min(recipients.size(), kMaxNamesOnLine); ++i) {
        text += i == 0 ? "<" : ", <";
        policy::append_printable(text, one.envelope.recipients[recipients[i]].path);
        text += '>';
    }
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
        text += said.recipients.size() > 1 ? "recipients " : "recipient ";
        text.append(names_of(one, said.recipients)).append(":\n").append(said.text);
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
    if (!one.not_judged.empty()) {
        add_line(text, "not judged:", one.not_judged);
        return text;
    }
    add_judged_by(text, one.report);
    text += cut_lines(policy::describe_report(one.report), kMaxReport);
    auto rest = recipients_part(one);
    // Few octets, and what all the rest is about: they are not what is cut.
    auto end = one.envelope.recipients.size() > 1 ? cut_lines(groups_part(one), kMaxText / 8) : std::string();
    const auto room = kMaxText - std::min(kMaxText, text.size() + end.size());
    text += cut_lines(std::move(rest), room);
    text += end;
    // Texts come from outside, and a decision's may hold what is no ASCII.
    std::replace_if(
        text.begin(), text.end(), [](char octet) { return octet != '\n' && (octet < ' ' || octet > '~'); }, '?');
    return text;
}

}  // namespace explain
