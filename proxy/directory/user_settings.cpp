#include "directory/user_settings.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "directory/user_list_address.hpp"
#include "policy/recipient.hpp"

namespace directory {
namespace {

constexpr std::size_t kDomainsAtOnce = 1000;

// A setting that only another version of this program knows is left alone.
policy::SettingValues values_of(const std::vector<UserSetting>& settings) {
    policy::SettingValues values;
    for (const auto& one : settings)
        if (const auto setting = policy::find_setting(one.name))
            values[static_cast<std::size_t>(*setting)] = one.value;
    return values;
}

bool is_empty(const policy::SettingValues& values) {
    return std::ranges::all_of(values, [](const std::string& value) { return value.empty(); });
}

policy::SettingValuesPtr shared(const policy::SettingValues& values) {
    return is_empty(values) ? nullptr : std::make_shared<const policy::SettingValues>(values);
}

}  // namespace

policy::RecipientSettings UserSettings::of(std::string_view path) const {
    if (!any_)
        return {};
    const auto address = policy::parse_recipient(path);
    if (!address)
        return {};
    policy::RecipientSettings found;
    const std::shared_lock lock(mutex_);
    if (const auto domain = list_domain(address->domain))
        if (const auto at = domains_.find(*domain); at != domains_.end())
            found.domain = at->second;
    for (const auto& local : {address->local, address->local.substr(0, address->local.find('+', 1))})
        if (const auto name = list_address(local + "@" + address->domain); name && !found.mailbox)
            found.mailbox = mailbox(*name);
    return found;
}

policy::SettingValuesPtr UserSettings::mailbox(const std::string& address) const {
    const auto found = holders_.find(address);
    return found == holders_.end() ? nullptr : policy::SettingValuesPtr(found->second, &found->second->values);
}

bool UserSettings::has(const std::string& scope) const {
    const std::shared_lock lock(mutex_);
    return holders_.contains(scope) || domains_.contains(scope);
}

// Null: it has no settings.
UserSettings::HolderPtr UserSettings::holder_of(const User& user) {
    auto values = values_of(user.settings);
    if (is_empty(values))
        return nullptr;
    auto holder = std::make_shared<Holder>(Holder{user.mailbox, {user.mailbox}, std::move(values)});
    for (const auto& alias : user.aliases)
        holder->addresses.push_back(alias.address);
    return holder;
}

void UserSettings::put(Holders& holders, const HolderPtr& holder) {
    if (holder)
        for (const auto& address : holder->addresses)
            holders[address] = holder;
}

base::Status UserSettings::load(UserStore& store) {
    Holders holders;
    Domains domains;
    auto read = store.each_with_settings([&holders](const User& user) { put(holders, holder_of(user)); });
    if (!read)
        return read;
    for (std::string after;;) {
        const auto some = store.domains(after, kDomainsAtOnce);
        if (!some)
            return some.error();
        for (const auto& one : *some)
            if (auto values = shared(values_of(one.settings)))
                domains[one.domain] = std::move(values);
        if (some->size() < kDomainsAtOnce)
            break;
        after = some->back().domain;
    }
    const std::lock_guard lock(mutex_);
    holders_ = std::move(holders);
    domains_ = std::move(domains);
    any_ = !holders_.empty() || !domains_.empty();
    known_ = true;
    return base::ok();
}

base::Status UserSettings::refresh(UserStore& store, const std::string& scope) {
    if (!scope.starts_with('@'))
        return refresh_mailbox(store, scope);
    const auto settings = store.domain_settings(scope);
    if (!settings)
        return settings.error();
    auto values = shared(values_of(*settings));
    const std::lock_guard lock(mutex_);
    if (values)
        domains_[scope] = std::move(values);
    else
        domains_.erase(scope);
    any_ = !holders_.empty() || !domains_.empty();
    return base::ok();
}

// An address may have gone from one mailbox to another: both are looked at.
base::Status UserSettings::refresh_mailbox(UserStore& store, const std::string& address) {
    HolderPtr before;
    {
        const std::shared_lock lock(mutex_);
        if (const auto at = holders_.find(address); at != holders_.end())
            before = at->second;
    }
    std::vector<HolderPtr> now;
    const auto user = store.find(address);
    if (!user)
        return user.error();
    if (*user)
        now.push_back(holder_of(**user));
    if (before && !(*user && (*user)->mailbox == before->mailbox)) {
        const auto other = store.find(before->mailbox);
        if (!other)
            return other.error();
        if (*other)
            now.push_back(holder_of(**other));
    }
    const std::lock_guard lock(mutex_);
    if (before)
        for (const auto& one : before->addresses)
            holders_.erase(one);
    for (const auto& holder : now)
        put(holders_, holder);
    any_ = !holders_.empty() || !domains_.empty();
    return base::ok();
}

}  // namespace directory
