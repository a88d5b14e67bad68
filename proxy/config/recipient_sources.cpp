#include "config/recipient_sources.hpp"

#include <algorithm>

#include "config/domains.hpp"
#include "config/recipient_checks.hpp"
#include "config/settings.hpp"
#include "config/spelling.hpp"
#include "policy/pattern.hpp"

namespace config {
namespace {

constexpr std::size_t kMaxSources = 16;          // of one domain
constexpr std::size_t kMaxDomains = 10'000;      // patterns
constexpr std::size_t kLongestSocketPath = 107;  // octets: sockaddr_un
constexpr std::string_view kWhite = " \t";

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
    std::vector<std::string_view> words;
    while (!text.empty()) {
        const auto end = std::min(text.find_first_of(separators), text.size());
        if (end > 0)
            words.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return words;
}

policy::WhenUnclear chosen(UnclearWord word, policy::WhenUnclear elsewhere) {
    return word == UnclearWord::kAsDirectory ? elsewhere
           : word == UnclearWord::kAccept    ? policy::WhenUnclear::kAccept
                                             : policy::WhenUnclear::kDefer;
}

RecipientCheck check_of(const DomainRecipients& domain, const policy::RecipientChoices& choices) {
    RecipientCheck check{
        {}, {chosen(domain.source_down, choices.source_down), chosen(domain.cannot_tell, choices.cannot_tell)}};
    if (same(domain.sources, kNoSources))
        return check;
    if (auto names = parse_source_names(domain.sources))
        check.sources = std::move(*names);
    return check;
}

}  // namespace

std::string_view to_string(SourceKind kind) {
    switch (kind) {
        case SourceKind::kMaps:
            return "maps";
        case SourceKind::kSmtp:
            return "smtp";
        case SourceKind::kVrfy:
            return "vrfy";
        case SourceKind::kLdap:
            return "ldap";
        case SourceKind::kList:
            break;
    }
    return "list";
}

const RecipientCheck* find_recipient_check(const Settings& settings, const DomainIndex& domains,
                                           std::string_view domain) {
    if (domain.empty())
        return nullptr;
    const RecipientCheck* found = nullptr;
    if (const auto& own = domains.find(domain).recipients.check)
        found = &*own;
    else if (std::ranges::any_of(settings.directory.patterns,
                                 [&](const std::string& pattern) { return policy::matches(pattern, domain); }))
        found = &settings.directory.check;
    return found == nullptr || found->sources.empty() ? nullptr : found;
}

std::vector<std::string> named_sources(const Settings& settings) {
    std::vector<std::string> ids = settings.directory.check.sources;
    for (const auto& domain : settings.domains)
        if (domain.recipients.check)
            ids.insert(ids.end(), domain.recipients.check->sources.begin(), domain.recipients.check->sources.end());
    std::ranges::sort(ids);
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return ids;
}

base::Result<std::vector<std::string>> parse_source_names(std::string_view text) {
    std::vector<std::string> names;
    for (const auto item : split(text, ",")) {
        const auto words = split(item, kWhite);
        if (words.empty())
            continue;
        auto kinds = std::vector<SourceKind>(std::begin(kSourceKinds), std::end(kSourceKinds));
        kinds.push_back(SourceKind::kLdap);
        const auto kind =
            std::ranges::find_if(kinds, [&](SourceKind one) { return same(to_string(one), words.front()); });
        const bool users = words.size() == 1 && same(words.front(), kUserListSource);
        if (!users && (words.size() != 2 || kind == kinds.end()))
            return base::error("\"{}\" is no source: list, maps, smtp, vrfy or ldap, and a name, or users", item);
        auto id = users ? std::string(kUserListSource) : std::string(to_string(*kind)) + " " + lower(words[1]);
        if (std::ranges::find(names, id) != names.end())
            return base::error("{} is named twice", id);
        if (names.size() == kMaxSources)
            return base::error("more than {} sources", kMaxSources);
        names.push_back(std::move(id));
    }
    return names;
}

base::Result<std::vector<std::string>> parse_domain_patterns(std::string_view text) {
    std::vector<std::string> patterns;
    for (const auto word : split(text, " \t,")) {
        if (word.find('@') != std::string_view::npos)
            return base::error("\"{}\" is no domain", word);
        if (patterns.size() == kMaxDomains)
            return base::error("more than {} domains", kMaxDomains);
        patterns.push_back(lower(word));
    }
    return patterns;
}

base::Result<SocketmapAddress> parse_socketmap(std::string_view text) {
    if (text.empty())
        return SocketmapAddress{};
    if (text.front() == '/') {
        if (text.size() > kLongestSocketPath)
            return base::error("a socket's path has at most {} octets", kLongestSocketPath);
        return SocketmapAddress{std::string(text), {}};
    }
    const auto list = net::ServerList::parse(text);
    if (!list)
        return list.error();
    const auto servers = list->with_default(0);
    if (servers.size() != 1 || servers.front().port == 0)
        return base::error("\"{}\" is neither a path nor ADDRESS:PORT", text);
    return SocketmapAddress{{}, servers.front()};
}

void complete_recipient_checks(Settings& settings) {
    for (auto& source : settings.sources)
        if (source.kind == SourceKind::kSmtp || source.kind == SourceKind::kVrfy)
            source.servers = source.server.with_default(source.port);
    auto& directory = settings.directory;
    if (auto patterns = parse_domain_patterns(directory.domains))
        directory.patterns = std::move(*patterns);
    if (auto socketmap = parse_socketmap(directory.socketmap))
        directory.socketmap_address = std::move(*socketmap);
    directory.check.choices = directory.choices;
    if (auto names = parse_source_names(directory.sources))
        directory.check.sources = std::move(*names);
    for (auto& domain : settings.domains)
        if (!domain.recipients.sources.empty())
            domain.recipients.check = check_of(domain.recipients, directory.choices);
}

}  // namespace config
