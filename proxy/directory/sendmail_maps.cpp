#include "directory/sendmail_maps.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/spelling.hpp"
#include "mail/text.hpp"

namespace directory {

using config::lower;

using policy::Knowledge;
using policy::RecipientAddress;
using policy::SourceAnswer;

namespace {

constexpr int kMaxDepth = 10;  // of entries that lead to others
constexpr std::string_view kThisMachine = "localhost";

// "error:nouser 550 Gone", "error:5.1.1:550 Gone", as virtusertable and mailertable have it. Only what says that there
// is no such mailbox is "unknown"; another refusal is the delivery Sendmail's to speak out, in its own words.
SourceAnswer refused_by(std::string_view map, std::string_view value) {
    const auto rest = value.substr(value.find(':') + 1);
    const auto word = rest.substr(0, std::min(rest.find_first_of(": \t"), rest.size()));
    const bool unknown =
        mail::equal_ignoring_case(word, "nouser") || word == "5.1.1" || word == "5.1.6" || word == "5.1.10";
    return {unknown ? Knowledge::kUnknown : Knowledge::kCannotTell, fmt::format("{}: {}", map, value), {}};
}

// %0 is the key, %1 to %3 what stood for the wildcards.
std::string filled_in(std::string_view value, std::string_view key, const std::vector<std::string>& arguments) {
    std::string text;
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] != '%' || i + 1 == value.size() || value[i + 1] < '0' || value[i + 1] > '9') {
            text += value[i];
            continue;
        }
        const auto number = static_cast<std::size_t>(value[++i] - '0');
        if (number == 0)
            text += key;
        else if (number <= arguments.size())
            text += arguments[number - 1];
    }
    return text;
}

// Sendmail would read more into it than a user's name: a route, a UUCP path.
bool is_plain(std::string_view local) {
    return local.find_first_of("%!@:/|<>,;()[]\\\" \t") == std::string_view::npos;
}

SourceAnswer cannot_tell(std::string why) {
    return {Knowledge::kCannotTell, std::move(why), {}};
}

}  // namespace

const std::string* SendmailMaps::Table::find(std::string_view key) const {
    const auto found = entries.find(fold ? lower(key) : std::string(key));
    return found == entries.end() ? nullptr : &found->second;
}

SourceAnswer SendmailMaps::find(const RecipientAddress& address, const HasUser& has_user) const {
    auto answer = route(address, has_user, 0);
    // The user that virtusertable names is that of the machine, not whoever has this name in the virtual domain.
    const auto& domain = local.contains(address.domain) ? address.domain : home;
    if (!answer.mailbox.empty() && answer.mailbox.find('@') == std::string::npos && !domain.empty())
        answer.mailbox += "@" + domain;
    return answer;
}

bool SendmailMaps::is_virtual(const std::string& domain) const {
    if (virtuals.contains(domain))
        return true;
    if (!virtual_below)
        return false;
    return std::ranges::any_of(virtuals, [&](const std::string& one) {
        return domain.size() > one.size() && domain.ends_with(one) && domain[domain.size() - one.size() - 1] == '.';
    });
}

SourceAnswer SendmailMaps::route(const RecipientAddress& address, const HasUser& has_user, int depth) const {
    if (depth > kMaxDepth)
        return cannot_tell("virtusertable goes round in a circle");
    const bool is_local = address.domain.empty() || local.contains(address.domain);
    if (!is_plain(address.local))
        return is_local ? cannot_tell("the local part names a route") : elsewhere(address, has_user);
    if (!address.domain.empty() && (is_local || is_virtual(address.domain)))
        if (auto found = virtual_user(address, has_user, depth))
            return std::move(*found);
    return is_local ? local_user(address.local, has_user) : elsewhere(address, has_user);
}

// The order of Parse1: user@domain, then with detail user++, user+*, user, ++, +*, then the domain.
std::optional<SourceAnswer> SendmailMaps::virtual_user(const RecipientAddress& address, const HasUser& has_user,
                                                       int depth) const {
    if (!virtusers)
        return std::nullopt;
    struct Try {
        std::string key;
        std::vector<std::string> arguments;
    };
    const auto at = "@" + address.domain;
    std::vector<Try> tries{{address.local + at, {address.local}}};
    // The first "+" that leaves something before it, as $+ takes as little as it can.
    if (const auto plus = address.local.find('+', 1); plus != std::string::npos) {
        const auto base = address.local.substr(0, plus);
        const auto detail = address.local.substr(plus + 1);
        const std::vector<std::string> arguments{base, detail, "+" + detail};
        if (!detail.empty())
            tries.push_back({base + "++" + at, arguments});
        tries.push_back({base + "+*" + at, arguments});
        tries.push_back({base + at, arguments});
        if (!detail.empty())
            tries.push_back({"++" + at, arguments});
        tries.push_back({"+*" + at, arguments});
        tries.push_back({at, arguments});
    } else {
        tries.push_back({at, {address.local}});
    }
    for (const auto& [key, arguments] : tries) {
        const auto* const value = virtusers->find(key);
        if (value == nullptr)
            continue;
        if (mail::equal_ignoring_case(value->substr(0, 6), "error:"))
            return refused_by("virtusertable " + key, *value);
        const auto target = filled_in(*value, key, arguments);
        const auto next = policy::parse_recipient(target);
        if (!next)
            return cannot_tell(fmt::format("virtusertable {}: {}", key, target));
        auto answer = route(*next, has_user, depth + 1);
        if (!answer.mailbox.empty() && answer.mailbox.find('@') == std::string::npos && next->domain != kThisMachine &&
            local.contains(next->domain))
            answer.mailbox += "@" + next->domain;
        // It is taken, wherever it goes from there.
        if (answer.knowledge == Knowledge::kElsewhere)
            answer = {Knowledge::kKnown, {}, {}};
        answer.detail =
            fmt::format("virtusertable {}: {}{}{}", key, target, answer.detail.empty() ? "" : "; ", answer.detail);
        return answer;
    }
    return std::nullopt;
}

SourceAnswer SendmailMaps::elsewhere(const RecipientAddress& address, const HasUser& has_user) const {
    if (mailertable) {
        // "host.example.com", then ".example.com", ".com", ".".
        std::string key = address.domain;
        for (;;) {
            if (const auto* const value = mailertable->find(key)) {
                if (mail::equal_ignoring_case(value->substr(0, 6), "error:"))
                    return refused_by("mailertable " + key, *value);
                if (!mail::equal_ignoring_case(value->substr(0, 6), "local:"))
                    return {Knowledge::kElsewhere, fmt::format("mailertable {}: {}", key, *value), {}};
                const auto user = value->substr(6);
                return is_plain(address.local) ? local_user(user.empty() ? address.local : user, has_user)
                                               : cannot_tell("the local part names a route");
            }
            if (key == "." || key.empty())
                break;
            const auto dot = key.find('.', 1);
            key = dot == std::string::npos ? "." : key.substr(dot);
        }
    }
    return {Knowledge::kElsewhere, relayed.contains(address.domain) ? "a relayed domain" : "not a local domain", {}};
}

const std::string* SendmailMaps::alias(const std::string& user) const {
    for (const auto& table : aliases)
        if (const auto* const value = table.find(user))
            return value;
    return nullptr;
}

SourceAnswer SendmailMaps::local_user(const std::string& user, const HasUser& has_user) const {
    const auto plus = user.find('+', 1);
    const auto base = user.substr(0, plus);
    if (lower(base) == "postmaster")
        return {Knowledge::kKnown, "every Sendmail has a postmaster", {}};
    auto names = std::vector<std::string>{user};
    if (plus != std::string::npos)
        names.insert(names.end(), {base + "+*", base});
    for (const auto& name : names)
        if (const auto* const value = alias(name))
            return {Knowledge::kKnown, fmt::format("alias {}", name), mailbox_of(*value)};
    if (users) {
        // As written, then in lower case.
        std::set<std::string> candidates{user, lower(user), base, lower(base)};
        for (const auto& name : candidates) {
            const auto there = has_user(name);
            if (!there)
                return {Knowledge::kDown, "the system's users cannot be read", {}};
            if (*there)
                return {Knowledge::kKnown, "user " + name, name};
        }
    }
    if (!open.empty())
        return cannot_tell(fmt::format("{}", fmt::join(open, "; ")));
    return {Knowledge::kUnknown, "no alias and no user", {}};
}

// The one user that an alias leads to in the end; empty: several, a program, another machine.
std::string SendmailMaps::mailbox_of(std::string alias_value) const {
    for (int depth = 0; depth < kMaxDepth; ++depth) {
        auto target = std::string(mail::trim(alias_value));
        if (!target.empty() && target.front() == '\\')
            return is_plain(target.substr(1)) ? target.substr(1) : std::string();
        const auto address = policy::parse_recipient(target);
        if (!address || !is_plain(address->local) || target.find(',') != std::string::npos)
            return {};
        if (!address->domain.empty() && !local.contains(address->domain))
            return {};
        const auto* const next = alias(address->local);
        if (next == nullptr)
            return lower(address->local);
        alias_value = *next;
    }
    return {};
}

}  // namespace directory
