#include "directory/user_list_text.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "base/clock.hpp"
#include "directory/user_list_address.hpp"
#include "policy/user_setting.hpp"

namespace directory {
namespace {

std::string_view without_blanks(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::vector<std::string_view> split_at(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto end = std::min(text.find(separator), text.size());
        parts.push_back(text.substr(0, end));
        if (end == text.size())
            return parts;
        text.remove_prefix(end + 1);
    }
}

std::vector<std::string> items_of(std::string_view field, std::string_view separators) {
    std::vector<std::string> items;
    for (std::size_t at = 0; (at = field.find_first_not_of(separators, at)) != std::string_view::npos;) {
        const auto end = std::min(field.find_first_of(separators, at), field.size());
        if (const auto item = without_blanks(field.substr(at, end - at)); !item.empty())
            items.emplace_back(item);
        at = end;
    }
    return items;
}

// The fields of a line; empty: quotes do not match.
std::optional<std::vector<std::string>> fields_of(std::string_view line) {
    std::vector<std::string> fields;
    if (line.find('\t') != std::string_view::npos) {
        for (const auto field : split_at(line, '\t'))
            fields.emplace_back(without_blanks(field));
        return fields;
    }
    for (;;) {
        std::string field;
        line = without_blanks(line);
        if (line.starts_with('"')) {
            line.remove_prefix(1);
            for (;;) {
                const auto quote = line.find('"');
                if (quote == std::string_view::npos)
                    return std::nullopt;
                field += line.substr(0, quote);
                line.remove_prefix(quote + 1);
                if (!line.starts_with('"'))
                    break;
                field += '"';
                line.remove_prefix(1);
            }
            line = without_blanks(line);
            if (!line.empty() && line.front() != ',')
                return std::nullopt;
        }
        const auto end = std::min(line.find(','), line.size());
        field += without_blanks(line.substr(0, end));
        fields.push_back(std::move(field));
        if (end == line.size())
            return fields;
        line.remove_prefix(end + 1);
    }
}

// Of an answer: whatever the list has.
std::vector<UserSetting> settings_of(std::string_view field) {
    std::vector<UserSetting> settings;
    for (const auto& text : items_of(field, ";"))
        if (const auto equals = text.find('='); equals != std::string::npos)
            settings.push_back({text.substr(0, equals), text.substr(equals + 1)});
    return settings;
}

// "@example.test" too.
std::optional<std::string> list_name(std::string_view text) {
    return text.starts_with('@') ? list_domain(text) : list_address(text);
}

class EntriesParser {
  public:
    explicit EntriesParser(std::string_view source) : source_(source) {}

    ParsedEntries parse(std::string_view text) {
        constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
        if (text.starts_with(kByteOrderMark))
            text.remove_prefix(kByteOrderMark.size());
        while (!text.empty() && parsed_.errors.size() < kMaxErrors) {
            const auto end = std::min(text.find('\n'), text.size());
            ++line_;
            look_at(text.substr(0, end));
            text.remove_prefix(std::min(end + 1, text.size()));
        }
        return std::move(parsed_);
    }

  private:
    template <typename... Args>
    void fault(fmt::format_string<Args...> format, Args&&... args) {
        parsed_.errors.push_back(fmt::format("{}: {}", line_, fmt::format(format, std::forward<Args>(args)...)));
    }

    void look_at(std::string_view line) {
        const auto shown = without_blanks(line);
        if (shown.empty() || shown.front() == '#')
            return;
        if (line.size() > kMaxEntry)
            return fault("the line has more than {} octets", kMaxEntry);
        const auto fields = fields_of(line.ends_with('\r') ? line.substr(0, line.size() - 1) : line);
        if (!fields)
            return fault("a quoted field has no end, or something follows its end");
        if (!started_ && fields->front() == "mailbox") {
            columns_ = *fields;
            started_ = true;
            return;
        }
        started_ = true;
        entry(*fields);
    }

    void entry(const std::vector<std::string>& fields) {
        UserEntry entry;
        entry.source = source_;
        const auto faults = parsed_.errors.size();
        for (std::size_t i = 0; i < fields.size(); ++i) {
            const auto column = columns_.empty()      ? std::string(i == 0 ? "mailbox" : "aliases")
                                : i < columns_.size() ? columns_[i]
                                                      : std::string();
            if (column == "mailbox")
                entry.mailbox = address(fields[i], true);
            else if (column == "aliases")
                for (const auto& alias : items_of(fields[i], "; "))
                    entry.aliases.push_back(address(alias, false));
            else if (column == "settings")
                settings(fields[i], entry);
            else if (column == "source" && !fields[i].empty())
                source(fields[i], entry);
        }
        if (entry.mailbox.starts_with('@') && !entry.aliases.empty())
            fault("a domain has no aliases");
        if (parsed_.errors.size() > faults)
            return;
        if (entry_to_wire(entry).size() > kMaxEntry)
            return fault("the entry has more than {} octets", kMaxEntry);
        parsed_.entries.push_back(std::move(entry));
    }

    // The address as it is kept; it may stand once in a file.
    std::string address(const std::string& text, bool or_domain) {
        auto kept = or_domain ? list_name(text) : list_address(text);
        if (!kept) {
            fault("\"{}\" is no address that the list can keep", text);
            return {};
        }
        const auto [place, fresh] = lines_.emplace(*kept, line_);
        if (!fresh)
            fault("{} stands in line {} already", *kept, place->second);
        return *kept;
    }

    void settings(const std::string& field, UserEntry& entry) {
        for (const auto& text : items_of(field, ";")) {
            if (auto setting = parse_setting(text, entry.mailbox.starts_with('@')))
                entry.settings.push_back(std::move(*setting));
            else
                fault("{}", setting.error().message);
        }
    }

    void source(const std::string& field, UserEntry& entry) {
        if (is_source(field))
            entry.source = field;
        else
            fault("\"{}\" is no source: a word of letters, digits and _ . -", field);
    }

    std::string source_;
    std::vector<std::string> columns_;
    std::map<std::string, unsigned> lines_;  // of each address
    unsigned line_ = 0;
    bool started_ = false;
    ParsedEntries parsed_;
};

std::string join_aliases(const User& user, std::string_view separator) {
    std::string text;
    for (const auto& alias : user.aliases)
        text += (text.empty() ? "" : std::string(separator)) + alias.address;
    return text;
}

std::string join_settings(const std::vector<UserSetting>& settings) {
    std::string text;
    for (const auto& setting : settings)
        text += (text.empty() ? "" : ";") + setting.name + "=" + setting.value;
    return text;
}

base::Result<UserEntry> entry_from_wire(std::string_view text) {
    const auto parts = split_at(text, ';');
    UserEntry entry;
    const auto mailbox = list_name(parts[0]);
    if (parts.size() < 2 || !mailbox || !is_source(parts[1]))
        return base::error("an entry is malformed");
    entry.mailbox = *mailbox;
    entry.source = parts[1];
    for (std::size_t i = 2; i < parts.size(); ++i) {
        const auto what = parts[i].substr(0, 1);
        const auto rest = parts[i].substr(what.size());
        if (what == "!") {
            auto setting = parse_setting(rest, entry.mailbox.starts_with('@'));
            if (!setting)
                return setting.error();
            entry.settings.push_back(std::move(*setting));
        } else if (const auto alias = list_address(rest); what == "+" && alias && !entry.mailbox.starts_with('@')) {
            entry.aliases.push_back(*alias);
        } else {
            return base::error("an entry is malformed");
        }
    }
    return entry;
}

}  // namespace

ParsedEntries parse_entries(std::string_view text, std::string_view source) {
    return EntriesParser(source).parse(text);
}

std::string export_line(const User& user) {
    // No field holds a quote or a comma.
    return fmt::format("{},{},{},{},{},{}\n", user.mailbox, join_aliases(user, ";"), join_settings(user.settings),
                       user.source, seen_text(user.first_seen), seen_text(user.last_seen));
}

std::string export_line(const UserDomain& domain) {
    return fmt::format("{},,{},,,\n", domain.domain, join_settings(domain.settings));
}

std::string entry_to_wire(const UserEntry& entry) {
    auto text = entry.mailbox + ";" + entry.source;
    for (const auto& alias : entry.aliases)
        text += ";+" + alias;
    for (const auto& setting : entry.settings)
        text += ";!" + setting.name + "=" + setting.value;
    return text;
}

base::Result<std::vector<UserEntry>> entries_from_wire(std::string_view text) {
    std::vector<UserEntry> entries;
    for (const auto part : split_at(text, '\t')) {
        auto entry = entry_from_wire(part);
        if (!entry)
            return entry.error();
        entries.push_back(std::move(*entry));
    }
    return entries;
}

std::string user_to_line(const User& user) {
    return fmt::format("{}\t{}\t{}\t{}\t{}\t{}\n", user.mailbox, join_aliases(user, ";"), join_settings(user.settings),
                       user.source, user.first_seen, user.last_seen);
}

base::Result<User> user_from_line(std::string_view line) {
    const auto fields = split_at(line, '\t');
    constexpr std::size_t kFields = 6;
    if (fields.size() != kFields)
        return base::error("the answer is malformed");
    User user;
    user.mailbox = fields[0];
    for (const auto& alias : items_of(fields[1], ";"))
        user.aliases.push_back({alias, {}, 0, 0});
    user.settings = settings_of(fields[2]);
    user.source = fields[3];
    std::from_chars(fields[4].data(), fields[4].data() + fields[4].size(), user.first_seen);
    std::from_chars(fields[5].data(), fields[5].data() + fields[5].size(), user.last_seen);
    return user;
}

std::string domain_to_line(const UserDomain& domain) {
    return fmt::format("{}\t{}\n", domain.domain, join_settings(domain.settings));
}

base::Result<UserDomain> domain_from_line(std::string_view line) {
    const auto fields = split_at(line, '\t');
    if (fields.size() != 2)
        return base::error("the answer is malformed");
    return UserDomain{std::string(fields[0]), settings_of(fields[1])};
}

base::Result<UserSetting> parse_setting(std::string_view text, bool of_domain) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos)
        return base::error("\"{}\" is no setting: write name=value", text);
    const auto setting = policy::find_setting(without_blanks(text.substr(0, equals)));
    if (!setting)
        return setting.error();
    const auto& kind = policy::kind_of(*setting);
    if (of_domain && !kind.of_domains)
        return base::error("{} is a setting of mailboxes, not of domains", kind.name);
    auto value = policy::setting_value(*setting, text.substr(equals + 1));
    if (!value)
        return value.error();
    return UserSetting{std::string(kind.name), std::move(*value)};
}

std::string seen_text(std::int64_t seconds) {
    return seconds == 0 ? "never" : base::iso8601(base::Wall::time_point(std::chrono::seconds(seconds)));
}

std::string describe_settings(const std::vector<UserSetting>& settings) {
    std::string text;
    for (const auto& setting : settings)
        text += fmt::format("setting:     {} = {}\n", setting.name, setting.value);
    return text;
}

std::string describe_kinds() {
    auto text = fmt::format("{:<13}{:<22}{:<9}{:<21}{}\n", "NAME", "VALUES", "NOT SET", "OF", "MEANING");
    for (const auto& kind : policy::setting_kinds())
        text += fmt::format("{:<13}{:<22}{:<9}{:<21}{}\n", kind.name, policy::describe_values(kind),
                            kind.otherwise.empty() ? "-" : kind.otherwise,
                            kind.of_domains ? "mailboxes, domains" : "mailboxes", kind.meaning);
    return text;
}

std::string describe_in_force(const std::vector<UserSetting>& own, const UserDomain& domain) {
    std::string text;
    for (const auto& kind : policy::setting_kinds()) {
        const auto is = [&kind](const UserSetting& one) { return one.name == kind.name; };
        std::string line = kind.otherwise.empty() ? "not set" : fmt::format("{}, not set", kind.otherwise);
        if (const auto set = std::ranges::find_if(own, is); set != own.end())
            line = set->value;
        else if (const auto shared = std::ranges::find_if(domain.settings, is); shared != domain.settings.end())
            line = fmt::format("{}, by {}", shared->value, domain.domain);
        text += fmt::format("{:<13}{}\n", std::string(kind.name) + ":", line);
    }
    return text;
}

std::string describe_user(const User& user) {
    auto text = fmt::format("mailbox:     {}\ndomain:      {}\nsource:      {}\nfirst seen:  {}\nlast seen:   {}\n",
                            user.mailbox, domain_of(user.mailbox), user.source, seen_text(user.first_seen),
                            seen_text(user.last_seen));
    for (const auto& alias : user.aliases)
        text += fmt::format("alias:       {} ({}, last seen {})\n", alias.address, alias.source,
                            seen_text(alias.last_seen));
    return text + describe_settings(user.settings);
}

}  // namespace directory
