#include "directory/user_list_requests.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "directory/user_list_address.hpp"
#include "directory/user_list_text.hpp"
#include "policy/user_setting.hpp"

namespace directory {
namespace {

constexpr std::string_view kMalformed = "malformed request";

// The first word; `rest` is what follows its blank.
std::string_view first_word(std::string_view& rest) {
    const auto end = std::min(rest.find(' '), rest.size());
    const auto word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return word;
}

base::Error malformed() {
    return base::error("{}", kMalformed);
}

base::Error no_address(std::string_view text) {
    return base::error("\"{}\" is no address that the list can keep", text);
}

base::Result<std::string> page(UserStore& store, std::string_view rest) {
    const auto wanted = first_word(rest);
    const auto after = first_word(rest);
    if (wanted.empty() || after.empty() || !rest.empty())
        return malformed();
    UserFilter filter;
    if (wanted.starts_with('@')) {
        const auto domain = list_domain(wanted);
        if (!domain)
            return base::error("\"{}\" is no domain", wanted);
        filter.domain = *domain;
    } else if (wanted != "*") {
        filter.text = wanted;
        std::ranges::transform(filter.text, filter.text.begin(),
                               [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    }
    const auto users = store.page(filter, after == "-" ? std::string() : std::string(after), kPage);
    if (!users)
        return users.error();
    std::string text;
    for (const auto& user : *users)
        text += user_to_line(user);
    return text;
}

base::Result<std::string> show_domain(UserStore& store, std::string_view text) {
    const auto domain = list_domain(text);
    if (!domain)
        return base::error("\"{}\" is no domain", text);
    const auto settings = store.domain_settings(*domain);
    if (!settings)
        return settings.error();
    return fmt::format("domain:      {}\n{}", domain->substr(1), describe_settings(*settings));
}

base::Result<std::string> show(UserStore& store, std::string_view text) {
    if (text.starts_with('@'))
        return show_domain(store, text);
    const auto address = list_address(text);
    if (!address)
        return no_address(text);
    const auto user = store.find(*address);
    if (!user)
        return user.error();
    if (!*user)
        return base::error("{} is not in the list", *address);
    return describe_user(**user);
}

base::Result<std::string> domains(UserStore& store, std::string_view after) {
    if (after.empty())
        return malformed();
    const auto some = store.domains(after == "-" ? std::string() : std::string(after), kPage);
    if (!some)
        return some.error();
    std::string text;
    for (const auto& domain : *some)
        text += domain_to_line(domain);
    return text;
}

// "@Example.Test", or an address. Error: neither.
base::Result<std::string> scope_of(std::string_view text) {
    auto scope = text.starts_with('@') ? list_domain(text) : list_address(text);
    if (!scope)
        return no_address(text);
    return std::move(*scope);
}

base::Result<std::string> settings(UserStore& store, std::string_view text) {
    const auto scope = scope_of(text);
    if (!scope)
        return scope.error();
    const bool of_domain = scope->starts_with('@');
    UserDomain domain{of_domain ? *scope : fmt::format("@{}", domain_of(*scope)), {}};
    auto shared = store.domain_settings(domain.domain);
    if (!shared)
        return shared.error();
    if (of_domain)
        return describe_in_force(*shared, {});
    domain.settings = std::move(*shared);
    const auto user = store.find(*scope);
    if (!user)
        return user.error();
    return describe_in_force(*user ? (*user)->settings : std::vector<UserSetting>(), domain);
}

base::Result<std::string> done(const base::Status& status) {
    if (!status)
        return status.error();
    return std::string();
}

class Change {
  public:
    Change(UserStore& store, std::int64_t now, std::vector<std::string>& changed)
        : store_(store), now_(now), changed_(changed) {}

    base::Result<std::string> add(std::string_view text, bool to_existing) {
        const auto entries = entries_from_wire(text);
        if (!entries)
            return entries.error();
        if (to_existing) {
            const auto& mailbox = entries->front().mailbox;
            const auto user = store_.find(mailbox);
            if (!user)
                return user.error();
            if (!*user || (*user)->mailbox != mailbox)
                return base::error("{} is no mailbox in the list", mailbox);
        }
        return put(*entries);
    }

    base::Result<std::string> remove(std::string_view text) {
        const auto address = list_address(text);
        if (!address)
            return no_address(text);
        changed_.push_back(*address);
        return done(store_.remove(*address));
    }

    base::Result<std::string> set(std::string_view rest, bool with_value) {
        const auto scope = scope_of(first_word(rest));
        if (!scope)
            return scope.error();
        const auto setting = with_value ? parse_setting(rest, scope->starts_with('@')) : name_of(rest);
        if (!setting)
            return setting.error();
        if (setting->name == disabled())
            return base::error("{} is set by users disable, and taken out by users enable", disabled());
        changed_.push_back(*scope);
        return done(store_.set(*scope, setting->name, with_value ? std::optional(setting->value) : std::nullopt));
    }

    // An alias is none: who disables it would not expect its mailbox to go with it.
    base::Result<std::string> disable(std::string_view text, bool yes) {
        const auto address = list_address(text);
        if (!address)
            return no_address(text);
        const auto user = store_.find(*address);
        if (!user)
            return user.error();
        if (!*user)
            return base::error("{} is not in the list", *address);
        if ((*user)->mailbox != *address)
            return base::error("{} is an alias of {}", *address, (*user)->mailbox);
        changed_.push_back(*address);
        return done(
            store_.set(*address, std::string(disabled()), yes ? std::optional<std::string>("yes") : std::nullopt));
    }

  private:
    static std::string_view disabled() { return policy::kind_of(policy::Setting::kDisabled).name; }

    static base::Result<UserSetting> name_of(std::string_view text) {
        const auto setting = policy::find_setting(text);
        if (!setting)
            return setting.error();
        return UserSetting{std::string(policy::kind_of(*setting).name), {}};
    }

    base::Result<std::string> put(const std::vector<UserEntry>& entries) {
        for (const auto& entry : entries) {
            changed_.push_back(entry.mailbox);
            changed_.insert(changed_.end(), entry.aliases.begin(), entry.aliases.end());
        }
        return done(store_.add(entries, now_));
    }

    UserStore& store_;
    std::int64_t now_;
    std::vector<std::string>& changed_;
};

}  // namespace

base::Result<std::string> answer_user_request(UserStore& store, std::string_view line, std::int64_t now,
                                              std::vector<std::string>& changed) {
    const auto command = first_word(line);
    Change change(store, now, changed);
    if (command == "page")
        return page(store, line);
    if (command == "domains")
        return domains(store, line);
    if (command == "show")
        return show(store, line);
    if (command == "settings")
        return settings(store, line);
    if (command == "add" || command == "alias")
        return change.add(line, command == "alias");
    if (command == "remove")
        return change.remove(line);
    if (command == "set" || command == "unset")
        return change.set(line, command == "set");
    if (command == "disable" || command == "enable")
        return change.disable(line, command == "disable");
    return malformed();
}

std::string change_in_request(std::string_view line) {
    constexpr std::size_t kShown = 200;
    constexpr std::string_view kQuestions[] = {"page", "domains", "show", "settings"};
    const bool asks = std::ranges::find(kQuestions, line.substr(0, line.find(' '))) != std::end(kQuestions);
    return asks ? std::string() : std::string(line.substr(0, kShown));
}

}  // namespace directory
