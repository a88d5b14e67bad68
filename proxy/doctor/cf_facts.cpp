#include "doctor/cf_facts.hpp"

#include <algorithm>
#include <charconv>

#include "smtp/text.hpp"

namespace doctor {
namespace {

std::string lower(std::string_view text) {
    std::string low(text);
    std::transform(low.begin(), low.end(), low.begin(), [](char octet) {
        return octet >= 'A' && octet <= 'Z' ? static_cast<char>(octet - 'A' + 'a') : octet;
    });
    return low;
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && (smtp::is_blank(text.front()) || text.front() == '\r'))
        text.remove_prefix(1);
    while (!text.empty() && (smtp::is_blank(text.back()) || text.back() == '\r'))
        text.remove_suffix(1);
    return text;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const auto end = std::min(text.find_first_of(separators), text.size());
        if (end > 0)
            parts.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

// Physical lines that begin with a blank go on with the line before.
std::vector<std::string> logical_lines(std::string_view text) {
    std::vector<std::string> lines;
    for (const auto line : split(text, "\n")) {
        if (!lines.empty() && smtp::is_blank(line.front()))
            (lines.back() += ' ') += trim(line);
        else
            lines.emplace_back(trim(line));
    }
    return lines;
}

std::uint16_t port_of(std::string_view word) {
    if (word == "smtp" || word.empty())
        return 25;
    if (word == "submission" || word == "msa")
        return 587;
    if (word == "smtps" || word == "submissions")
        return 465;
    std::uint16_t port = 0;
    const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), port);
    return failure == std::errc{} && end == word.data() + word.size() ? port : 0;
}

// "Name=MTA, Family=inet, Addr=127.0.0.1, Port=smtp": the first letter of a name counts.
CfFacts::Daemon daemon_of(std::string_view value) {
    CfFacts::Daemon daemon;
    for (const auto part : split(value, ",")) {
        const auto item = trim(part);
        const auto equals = item.find('=');
        if (equals == std::string_view::npos)
            continue;
        const auto what = trim(item.substr(equals + 1));
        if (item.front() == 'A' || item.front() == 'a')
            daemon.address = what;
        else if (item.front() == 'P' || item.front() == 'p')
            daemon.port = port_of(lower(what));
    }
    return daemon;
}

// "[192.0.2.1]:[IPv6:2001:db8::1]" or "[192.0.2.1]\,name": the hosts of a list.
std::vector<std::string> hosts_of(std::string_view text) {
    std::vector<std::string> hosts;
    while (!text.empty()) {
        if (text.front() == '[') {
            const auto end = std::min(text.find(']'), text.size());
            auto host = text.substr(1, end - 1);
            if (lower(host.substr(0, 5)) == "ipv6:")
                host.remove_prefix(5);
            hosts.emplace_back(host);
            text.remove_prefix(std::min(end + 1, text.size()));
            continue;
        }
        const auto end = std::min(text.find_first_of(":,\\["), text.size());
        if (end > 0)
            hosts.emplace_back(text.substr(0, end));
        text.remove_prefix(end > 0 ? end : 1);
    }
    return hosts;
}

void add_mailer(std::string_view line, CfFacts& facts) {
    const auto at = line.find("A=");
    if (at == std::string_view::npos ||
        (line.find("P=[IPC]") == std::string_view::npos && line.find("P=[TCP]") == std::string_view::npos))
        return;
    auto argument = line.substr(at + 2);
    argument = argument.substr(0, argument.find(", "));
    const auto words = split(argument, " \t");
    if (words.size() < 2 || (lower(words[0]) != "tcp" && lower(words[0]) != "ipc") || words[1].front() == '$')
        return;
    CfFacts::Hop hop{hosts_of(words[1]), words.size() > 2 ? port_of(lower(words[2])) : std::uint16_t{25}};
    if (std::find(facts.hops.begin(), facts.hops.end(), hop) == facts.hops.end())
        facts.hops.push_back(std::move(hop));
}

void add_option(std::string_view line, CfFacts& facts, bool& listens) {
    // "O Name=value", or "Oxvalue" with one of the old letters.
    std::string name;
    std::string_view value;
    if (line.size() > 1 && smtp::is_blank(line[1])) {
        const auto equals = line.find('=');
        name = lower(trim(line.substr(1, std::min(equals, line.size()) - 1)));
        value = equals == std::string_view::npos ? std::string_view() : trim(line.substr(equals + 1));
    } else if (line.size() > 1) {
        value = trim(line.substr(2));
        name = line[1] == 'p'   ? "privacyoptions"
               : line[1] == 'Q' ? "queuedirectory"
               : line[1] == 'O' ? "daemonportoptions"
                                : std::string();
    }
    if (name.empty())
        return;
    if (name == "daemonportoptions") {
        if (!listens)
            facts.daemons.clear();
        listens = true;
        facts.daemons.push_back(daemon_of(value));
    }
    facts.options[name] = value;
}

std::string option_of(const std::optional<CfFacts>& cf, std::string_view name, std::string_view usual) {
    const auto value = cf ? cf->option(name) : std::string_view();
    return std::string(value.empty() ? usual : value);
}

}  // namespace

std::string_view CfFacts::option(std::string_view name) const {
    const auto found = options.find(lower(name));
    return found == options.end() ? std::string_view() : std::string_view(found->second);
}

std::string queue_directory(const std::optional<CfFacts>& cf) {
    return option_of(cf, "QueueDirectory", "/var/spool/mqueue");
}

std::string pid_file(const std::optional<CfFacts>& cf) {
    return option_of(cf, "PidFile", "/var/run/sendmail.pid");
}

CfFacts parse_cf(std::string_view text) {
    CfFacts facts;
    facts.daemons.push_back({});
    bool listens = false;
    for (const auto& line : logical_lines(text)) {
        if (line.starts_with('O'))
            add_option(line, facts, listens);
        else if (line.starts_with('M'))
            add_mailer(line, facts);
    }
    return facts;
}

std::string hides_users(std::string_view privacy_options) {
    std::string words;
    for (const auto part : split(privacy_options, ", \t"))
        if (const auto word = lower(part); word == "novrfy" || word == "goaway")
            words += (words.empty() ? "" : ", ") + word;
    return words;
}

std::map<std::string, std::string, std::less<>> parse_defaults(std::string_view text) {
    std::map<std::string, std::string, std::less<>> defaults;
    for (const auto raw : split(text, "\n")) {
        const auto line = trim(raw);
        const auto equals = line.find('=');
        if (line.starts_with('#') || equals == std::string_view::npos || equals == 0)
            continue;
        const auto name = line.substr(0, equals);
        if (name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") !=
            std::string_view::npos)
            continue;
        auto value = trim(line.substr(equals + 1));
        if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front())
            value = value.substr(1, value.size() - 2);
        defaults.insert_or_assign(std::string(name), std::string(value));
    }
    return defaults;
}

}  // namespace doctor
