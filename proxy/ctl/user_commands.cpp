#include "ctl/user_commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "ctl/protocol.hpp"
#include "directory/user_list_address.hpp"
#include "directory/user_list_requests.hpp"
#include "directory/user_list_text.hpp"
#include "policy/user_setting.hpp"

namespace ctl {
namespace {

using directory::User;
using directory::UserDomain;
using directory::UserEntry;

constexpr std::string_view kImported = "import";
// Of a request's line: "users add " and the LF go on top.
constexpr std::size_t kMaxEntries = kMaxRequest - 20;
static_assert(directory::kMaxEntry <= kMaxEntries);

class UserCommand {
  public:
    explicit UserCommand(const UserTask& task) : task_(task) {}

    // Empty: it was refused or could not be asked; outcome() says which.
    std::optional<std::string> ask(const std::string& request) {
        const auto answer = task_.ask("users " + request);
        if (!answer) {
            task_.complain(answer.error().message);
            outcome_ = UserOutcome::kUnreachable;
            return std::nullopt;
        }
        if (!answer->ok) {
            task_.complain(answer->text);
            outcome_ = UserOutcome::kRefused;
            return std::nullopt;
        }
        return answer->text;
    }

    UserOutcome print(std::string_view text) {
        const auto printed = task_.print(text);
        return printed ? UserOutcome::kDone : refuse(printed.error().message);
    }

    UserOutcome refuse(std::string_view why) {
        task_.complain(why);
        return outcome_ = UserOutcome::kRefused;
    }

    [[nodiscard]] UserOutcome outcome() const { return outcome_; }

    // Page by page, so that a list of any length passes. `one_of` reads a line of an answer to "`request` AFTER", and
    // `name_of` gives what the next page begins behind.
    template <typename One>
    UserOutcome each_page(const std::string& request, base::Result<One> (*one_of)(std::string_view),
                          std::string One::*name, const std::function<std::string(const std::vector<One>&)>& text_of) {
        std::string after = "-";
        for (;;) {
            const auto answer = ask(fmt::format("{} {}", request, after));
            if (!answer)
                return outcome_;
            std::vector<One> all;
            std::string_view rest = *answer;
            while (!rest.empty()) {
                const auto end = std::min(rest.find('\n'), rest.size());
                auto one = one_of(rest.substr(0, end));
                if (!one)
                    return refuse(one.error().message);
                all.push_back(std::move(*one));
                rest.remove_prefix(std::min(end + 1, rest.size()));
            }
            if (const auto printed = print(text_of(all)); printed != UserOutcome::kDone)
                return printed;
            if (all.size() < directory::kPage)
                return UserOutcome::kDone;
            after = all.back().*name;
        }
    }

    UserOutcome each_user(std::string_view filter,
                          const std::function<std::string(const std::vector<User>&)>& text_of) {
        return each_page<User>(fmt::format("page {}", filter), directory::user_from_line, &User::mailbox, text_of);
    }

    // The same request for each of them, as long as it is taken.
    UserOutcome for_each(std::string_view request, std::span<const std::string_view> words) {
        for (const auto& word : words)
            if (!ask(fmt::format("{} {}", request, word)))
                return outcome_;
        return UserOutcome::kDone;
    }

    UserOutcome settings(std::string_view scope);
    UserOutcome set(std::string_view scope, std::span<const std::string_view> settings);
    UserOutcome add(std::string_view command, const std::vector<UserEntry>& entries);
    UserOutcome import(const std::string& file);

  private:
    const UserTask& task_;
    UserOutcome outcome_ = UserOutcome::kDone;
};

// As many entries a request as fit.
UserOutcome UserCommand::add(std::string_view command, const std::vector<UserEntry>& entries) {
    for (std::size_t at = 0; at < entries.size();) {
        std::string line;
        const auto first = at;
        while (at < entries.size()) {
            const auto text = entry_to_wire(entries[at]);
            if (!line.empty() && line.size() + 1 + text.size() > kMaxEntries)
                break;
            line += (line.empty() ? "" : "\t") + text;
            ++at;
        }
        if (ask(fmt::format("{} {}", command, line)))
            continue;
        if (entries.size() > 1)
            task_.complain(fmt::format("{} of {} entries are in the list", first, entries.size()));
        return outcome_;
    }
    return UserOutcome::kDone;
}

UserOutcome UserCommand::import(const std::string& file) {
    const auto text = task_.read(file);
    if (!text)
        return refuse(text.error().message);
    const auto parsed = directory::parse_entries(*text, kImported);
    for (const auto& error : parsed.errors)
        task_.complain(fmt::format("{}:{}", file, error));
    if (!parsed.errors.empty())
        return refuse("nothing was imported");
    const auto added = add("add", parsed.entries);
    return added == UserOutcome::kDone ? print(fmt::format("{} entries\n", parsed.entries.size())) : added;
}

UserOutcome UserCommand::settings(std::string_view scope) {
    if (scope.empty())
        return print(directory::describe_kinds());
    const auto answer = ask(fmt::format("settings {}", scope));
    return answer ? print(printable(*answer)) : outcome_;
}

// All are looked at before the first is put in.
UserOutcome UserCommand::set(std::string_view scope, std::span<const std::string_view> settings) {
    std::vector<std::string> checked;
    for (const auto& text : settings) {
        const auto setting = directory::parse_setting(text, scope.starts_with('@'));
        if (!setting)
            return refuse(setting.error().message);
        checked.push_back(fmt::format("{}={}", setting->name, setting->value));
    }
    return for_each(fmt::format("set {}", scope), std::vector<std::string_view>(checked.begin(), checked.end()));
}

std::string row(std::string_view mailbox, std::size_t mailbox_width, std::string_view source, std::string_view last,
                std::string_view aliases) {
    auto text = fmt::format("{:<{}}  {:<8}  {:<20}  {}", mailbox, mailbox_width, source, last, aliases);
    text.erase(text.find_last_not_of(' ') + 1);
    return text + "\n";
}

bool is_disabled(const User& user) {
    const auto name = policy::kind_of(policy::Setting::kDisabled).name;
    return std::ranges::any_of(user.settings, [name](const auto& setting) { return setting.name == name; });
}

UserOutcome list(UserCommand& command, std::string_view filter) {
    bool first = true;
    return command.each_user(filter, [&first](const std::vector<User>& users) {
        std::size_t width = std::string_view("MAILBOX").size();
        for (const auto& user : users)
            width = std::max(width, user.mailbox.size());
        std::string text;
        if (std::exchange(first, false))
            text = row("MAILBOX", width, "SOURCE", "LAST SEEN", "ALIASES");
        for (const auto& user : users) {
            std::string aliases;
            for (const auto& alias : user.aliases)
                aliases += (aliases.empty() ? "" : " ") + alias.address;
            if (is_disabled(user))
                aliases += aliases.empty() ? "(disabled)" : " (disabled)";
            text += row(user.mailbox, width, user.source, directory::seen_text(user.last_seen), aliases);
        }
        return printable(text);
    });
}

// Settings of domains behind the mailboxes; of those of a text there are none.
UserOutcome export_all(UserCommand& command, std::string_view filter) {
    bool first = true;
    const auto users = command.each_user(filter, [&first](const std::vector<User>& page) {
        std::string text(std::exchange(first, false) ? directory::kExportHeading : "");
        for (const auto& user : page)
            text += export_line(user);
        return text;
    });
    const bool one_domain = filter.starts_with('@');
    if (users != UserOutcome::kDone || (filter != "*" && !one_domain))
        return users;
    const auto wanted = one_domain ? directory::list_domain(filter) : std::nullopt;
    return command.each_page<UserDomain>("domains", directory::domain_from_line, &UserDomain::domain,
                                         [&wanted](const std::vector<UserDomain>& page) {
                                             std::string text;
                                             for (const auto& domain : page)
                                                 if (!wanted || domain.domain == *wanted)
                                                     text += export_line(domain);
                                             return text;
                                         });
}

// Empty: one of the words is no address that the list can keep; the user was told.
std::optional<UserEntry> entry_of(std::span<const std::string_view> words, const UserTask& task) {
    UserEntry entry;
    entry.source = directory::kByHand;
    for (const auto& word : words) {
        const auto address = directory::list_address(word);
        if (!address) {
            task.complain(fmt::format("\"{}\" is no address that the list can keep", word));
            return std::nullopt;
        }
        if (entry.mailbox.empty())
            entry.mailbox = *address;
        else
            entry.aliases.push_back(*address);
    }
    if (entry_to_wire(entry).size() > directory::kMaxEntry) {
        task.complain("these are too many aliases for one command");
        return std::nullopt;
    }
    return entry;
}

bool one_word(std::string_view text) {
    return !text.empty() && text.size() <= directory::kMaxUserAddress &&
           std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) > ' '; });
}

}  // namespace

UserOutcome run_user_command(std::span<const std::string_view> words, const UserTask& task) {
    UserCommand command(task);
    const auto what = words.empty() ? std::string_view() : words[0];
    const auto rest = words.subspan(std::min<std::size_t>(1, words.size()));
    const auto relay = [&](const std::string& request) {
        const auto answer = command.ask(request);
        return answer ? command.print(printable(*answer)) : command.outcome();
    };
    const bool filter_fits = rest.size() <= 1 && (rest.empty() || one_word(rest[0]));
    const auto filter = rest.empty() ? std::string_view("*") : rest[0];
    if (what == "list" && filter_fits)
        return list(command, filter);
    if (what == "export" && filter_fits)
        return export_all(command, filter);
    if (what == "import" && rest.size() == 1)
        return command.import(std::string(rest[0]));
    if (what == "show" && rest.size() == 1 && one_word(rest[0]))
        return relay(fmt::format("show {}", rest[0]));
    if ((what == "add" && !rest.empty()) || (what == "alias" && rest.size() >= 2)) {
        const auto entry = entry_of(rest, task);
        return entry ? command.add(what, {*entry}) : UserOutcome::kRefused;
    }
    const bool words_fit = !rest.empty() && std::ranges::all_of(rest, one_word);
    if ((what == "remove" || what == "disable" || what == "enable") && words_fit)
        return command.for_each(what, rest);
    if (what == "settings" && filter_fits)
        return command.settings(rest.empty() ? std::string_view() : rest[0]);
    if (what == "set" && rest.size() >= 2 && one_word(rest[0]))
        return command.set(rest[0], rest.subspan(1));
    if (what == "unset" && rest.size() >= 2 && words_fit)
        return command.for_each(fmt::format("unset {}", rest[0]), rest.subspan(1));
    return UserOutcome::kUsage;
}

}  // namespace ctl
