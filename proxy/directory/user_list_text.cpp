#include "directory/user_list_text.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "base/clock.hpp"
#include "directory/user_list_address.hpp"

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

base::Result<UserSetting> setting_of(std::string_view text) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos)
        return base::error("\"{}\" is no setting: write name=value", text);
    UserSetting setting{std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
    if (!is_setting_name(setting.name))
        return base::error("\"{}\" is no name of a setting", setting.name);
    if (!is_setting_value(setting.value))
        return base::error("the value of the setting {} cannot be kept", setting.name);
    return setting;
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
                entry.mailbox = address(fields[i]);
            else if (column == "aliases")
                for (const auto& alias : items_of(fields[i], "; "))
                    entry.aliases.push_back(address(alias));
            else if (column == "settings")
                settings(fields[i], entry);
            else if (column == "source" && !fields[i].empty())
                source(fields[i], entry);
        }
        if (parsed_.errors.size() > faults)
            return;
        if (entry_to_wire(entry).size() > kMaxEntry)
            return fault("the entry has more than {} octets", kMaxEntry);
        parsed_.entries.push_back(std::move(entry));
    }

    // The address as it is kept; it may stand once in a file.
    std::string address(const std::string& text) {
        auto kept = list_address(text);
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
            if (auto setting = setting_of(text))
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

std::string join_settings(const User& user) {
    std::string text;
    for (const auto& setting : user.settings)
        text += (text.empty() ? "" : ";") + setting.name + "=" + setting.value;
    return text;
}

base::Result<UserEntry> entry_from_wire(std::string_view text) {
    const auto parts = split_at(text, ';');
    UserEntry entry;
    const auto mailbox = list_address(parts[0]);
    if (parts.size() < 2 || !mailbox || !is_source(parts[1]))
        return base::error("an entry is malformed");
    entry.mailbox = *mailbox;
    entry.source = parts[1];
    for (std::size_t i = 2; i < parts.size(); ++i) {
        const auto what = parts[i].substr(0, 1);
        const auto rest = parts[i].substr(what.size());
        if (what == "!") {
            auto setting = setting_of(rest);
            if (!setting)
                return setting.error();
            entry.settings.push_back(std::move(*setting));
        } else if (const auto alias = list_address(rest); what == "+" && alias) {
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
    // No field holds a quote; a setting's value may hold a comma, an address none.
    const auto settings = join_settings(user);
    const bool quoted = settings.find(',') != std::string::npos;
    return fmt::format("{},{},{}{}{},{},{},{}\n", user.mailbox, join_aliases(user, ";"), quoted ? "\"" : "", settings,
                       quoted ? "\"" : "", user.source, seen_text(user.first_seen), seen_text(user.last_seen));
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
    return fmt::format("{}\t{}\t{}\t{}\t{}\t{}\n", user.mailbox, join_aliases(user, ";"), join_settings(user),
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
    for (const auto& text : items_of(fields[2], ";"))
        if (auto setting = setting_of(text))
            user.settings.push_back(std::move(*setting));
    user.source = fields[3];
    std::from_chars(fields[4].data(), fields[4].data() + fields[4].size(), user.first_seen);
    std::from_chars(fields[5].data(), fields[5].data() + fields[5].size(), user.last_seen);
    return user;
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
