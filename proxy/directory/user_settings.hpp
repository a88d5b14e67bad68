// UserSettings: the settings of the user list in memory, for whoever must not wait for the store.
//
// Holds only mailboxes and domains that have settings, under each of their addresses. Filled and kept up by the list's
// thread; thread-safe. Once read they stay, whatever becomes of the store.
#pragma once

#include <atomic>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "directory/user_list_store.hpp"
#include "policy/user_setting.hpp"

namespace directory {

class UserSettings {
  public:
    // Any thread. What counts for this recipient; "bob+detail" has what "bob" has.
    [[nodiscard]] policy::RecipientSettings of(std::string_view path) const;
    // They have been read: that somebody has none is known, too.
    [[nodiscard]] bool known() const { return known_; }
    // By an address, or "@domain".
    [[nodiscard]] bool has(const std::string& scope) const;

    // The list's thread: all of them anew; after a change: those of an address or "@domain". Error: the store's, and
    // what was known before still counts.
    base::Status load(UserStore& store);
    base::Status refresh(UserStore& store, const std::string& scope);

  private:
    struct Holder {
        std::string mailbox;
        std::vector<std::string> addresses;  // its own and its aliases
        policy::SettingValues values;
    };
    using HolderPtr = std::shared_ptr<const Holder>;
    using Holders = std::unordered_map<std::string, HolderPtr>;  // by address
    using Domains = std::unordered_map<std::string, policy::SettingValuesPtr>;

    static HolderPtr holder_of(const User& user);
    static void put(Holders& holders, const HolderPtr& holder);
    base::Status refresh_mailbox(UserStore& store, const std::string& address);
    [[nodiscard]] policy::SettingValuesPtr mailbox(const std::string& address) const;

    mutable std::shared_mutex mutex_;
    Holders holders_;
    Domains domains_;  // "@example.test"
    std::atomic<bool> known_{false};
    std::atomic<bool> any_{false};
};

}  // namespace directory
