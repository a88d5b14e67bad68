#include "directory/user_list_requests.hpp"

#include <algorithm>
#include <vector>

#include "directory/user_list_address.hpp"
#include "directory/user_list_text.hpp"

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

base::Result<std::string> add(UserStore& store, std::string_view text, bool to_existing, std::int64_t now) {
    const auto entries = entries_from_wire(text);
    if (!entries)
        return entries.error();
    if (to_existing) {
        const auto& mailbox = entries->front().mailbox;
        const auto user = store.find(mailbox);
        if (!user)
            return user.error();
        if (!*user || (*user)->mailbox != mailbox)
            return base::error("{} is no mailbox in the list", mailbox);
    }
    if (auto added = store.add(*entries, now); !added)
        return added.error();
    return std::string();
}

base::Result<std::string> remove(UserStore& store, std::string_view text) {
    const auto address = list_address(text);
    if (!address)
        return no_address(text);
    if (auto removed = store.remove(*address); !removed)
        return removed.error();
    return std::string();
}

base::Result<std::string> set(UserStore& store, std::string_view rest, bool with_value) {
    const auto scope_text = first_word(rest);
    const auto scope = scope_text.starts_with('@') ? list_domain(scope_text) : list_address(scope_text);
    if (!scope)
        return no_address(scope_text);
    const auto name = first_word(rest);
    if (!is_setting_name(name))
        return base::error("\"{}\" is no name of a setting: letters, digits and _ . -, 64 at most", name);
    if (with_value && !is_setting_value(rest))
        return base::error("a value has 1 to 500 octets, without ; and quotation marks");
    if (!with_value && !rest.empty())
        return malformed();
    const auto done =
        store.set(*scope, std::string(name), with_value ? std::optional(std::string(rest)) : std::nullopt);
    if (!done)
        return done.error();
    return std::string();
}

}  // namespace

base::Result<std::string> answer_user_request(UserStore& store, std::string_view line, std::int64_t now) {
    const auto command = first_word(line);
    if (command == "page")
        return page(store, line);
    if (command == "show")
        return show(store, line);
    if (command == "add" || command == "alias")
        return add(store, line, command == "alias", now);
    if (command == "remove")
        return remove(store, line);
    if (command == "set" || command == "unset")
        return set(store, line, command == "set");
    return malformed();
}

std::string change_in_request(std::string_view line) {
    constexpr std::size_t kShown = 200;
    return line.starts_with("page ") || line.starts_with("show ") ? std::string() : std::string(line.substr(0, kShown));
}

}  // namespace directory
