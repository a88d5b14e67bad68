// UserList: the list of mailboxes as the proxy has it: it takes in what the loops see, and answers sandwichctl.
//
// All work with the store is done on one thread of its own; no loop ever waits for it. What is seen is gathered for a
// moment and written together, each address at most once an hour. When the store cannot be had, what is seen is lost,
// and seen again with later mail; mail goes on. Settings are held in memory (user_settings.hpp); a change counts once
// its request is answered. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "directory/user_list_store.hpp"
#include "net/loop.hpp"
#include "policy/user_setting.hpp"

namespace directory {

class UserList {
  public:
    static constexpr std::size_t kMaxWaiting = 20000;  // addresses that wait to be written
    static constexpr std::size_t kMaxRequests = 100;   // requests that wait
    static constexpr std::size_t kMaxRecent = 200000;  // addresses that were written within the hour
    static constexpr std::chrono::milliseconds kGather{1000};
    static constexpr std::chrono::seconds kAgain{60};  // to the next try when the store could not be opened

    struct Limits {
        std::string domains;          // [users] domains: patterns, separated by blanks or commas
        std::uint64_t addresses = 0;  // [users] max
    };
    using Open = std::function<base::Result<std::unique_ptr<UserStore>>()>;

    // `open` is called on the list's thread. Waits until it was called once: settings count from the first mail on.
    UserList(Open open, const Limits& limits);
    // Writes what has been seen, then joins. Requests that wait are not answered any more.
    ~UserList();
    UserList(const UserList&) = delete;
    UserList& operator=(const UserList&) = delete;

    // `address` is valid, `source` says so, and knows it as an alias of `mailbox` unless that is empty. Never waits;
    // addresses of other domains than [users] domains are no matter of the list.
    void seen(std::string_view address, std::string_view source, std::string_view mailbox = {});

    // One of user_list_requests.hpp; `done` runs on `loop`.
    void request(net::Loop& loop, std::string line, std::function<void(base::Result<std::string>)> done);

    // What counts for this recipient; never waits for the store.
    [[nodiscard]] policy::RecipientSettings settings(std::string_view path) const;
    // False: they could not be read yet.
    [[nodiscard]] bool settings_known() const;

    void configure(const Limits& limits);

    // "1200 mailboxes, 300 aliases", for people.
    [[nodiscard]] std::string describe() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// The embedded store in this directory.
UserList::Open embedded_user_store(const std::string& directory);

}  // namespace directory
