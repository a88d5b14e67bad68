// Recipients: asks the sources of a domain, one after the other, whether a recipient exists, and remembers what they
// said.
//
// Its sources live on one loop (the home loop, the main one); any thread may ask. Questions for the same address that
// are under way are one question. Bounded: questions under way, remembered answers; each source bounds its own work.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "directory/answer_cache.hpp"
#include "directory/guess_rate.hpp"
#include "directory/source.hpp"
#include "directory/user_list.hpp"
#include "net/loop.hpp"

namespace directory {

class Recipients {
  public:
    using Done = std::function<void(policy::SourceAnswer)>;

    struct Counts {
        std::atomic<std::uint64_t> refused{0};   // 550
        std::atomic<std::uint64_t> deferred{0};  // 450
        std::atomic<std::uint64_t> slowed{0};    // answers, because their client guesses
    };

    // Home loop. `server_passwords`: config::server_password_in(). `users` opens the user list.
    Recipients(net::Loop& home, const config::Settings& settings, std::string_view server_passwords,
               UserList::Open users = {});
    ~Recipients();
    Recipients(const Recipients&) = delete;
    Recipients& operator=(const Recipients&) = delete;
    // Sources whose settings have not changed stay as they are; all that is remembered is forgotten.
    void configure(const config::Settings& settings, std::string_view server_passwords);

    // Any thread. What is remembered; empty: look_up().
    std::optional<policy::SourceAnswer> remembered(const config::RecipientCheck& check,
                                                   const policy::RecipientAddress& address);
    // Any thread. `done` runs once on `loop`, from the loop; whoever it is for may be gone by then.
    void look_up(net::Loop& loop, const config::RecipientCheck& check, const policy::RecipientAddress& address,
                 Done done);

    // Any thread. `client` has named an unknown recipient: how long its refusal is to wait.
    std::chrono::seconds slow_down(const std::string& client, const config::Settings& settings);

    // Home loop. Asks every source anew, those of the domain first, and tells what each says, as lines for people.
    using CheckOf = std::function<const config::RecipientCheck*(std::string_view domain)>;
    void explain(const CheckOf& check_of, const std::string& path, std::function<void(base::Result<std::string>)> done);

    // Home loop. Lines for sandwichctl status; empty where nothing is set up.
    [[nodiscard]] std::string describe() const;
    Counts& counts() { return counts_; }

  private:
    struct Question;
    struct Explanation;
    using Sources = std::vector<std::pair<std::string, std::shared_ptr<Source>>>;

    void start(net::Loop& loop, const std::string& key, const config::RecipientCheck& check,
               const policy::RecipientAddress& address, Done done);
    void go_on(const std::string& key);
    void settle(const std::string& key, policy::SourceAnswer answer);
    void note_state(const std::string& id, const policy::SourceAnswer& answer);
    [[nodiscard]] Sources find(const std::vector<std::string>& ids) const;

    struct Made {
        config::RecipientSource settings;
        config::LdapDirectory directory;  // of "ldap NAME"
        std::string password;             // of its bind_dn
        std::shared_ptr<Source> source;
        std::uint64_t answers = 0;
        std::uint64_t failures = 0;  // kDown
        bool down = false;
    };

    net::Loop& home_;
    UserList::Open users_;
    AnswerCache cache_;
    GuessRate guesses_;
    std::map<std::string, Made> sources_;  // by id
    std::vector<std::string> order_;       // ids, as in the file
    std::size_t most_ = 0;
    std::map<std::string, std::unique_ptr<Question>> questions_;  // by key
    Counts counts_;
    std::shared_ptr<bool> alive_ =
        std::make_shared<bool>(true);  // of the home loop; answers that come after the end find it gone
};

// A source for these settings; of "ldap NAME" in sources.cpp, too.
std::shared_ptr<Source> make_source(net::Loop& home, const config::RecipientSource& settings,
                                    const std::string& our_name);
std::shared_ptr<Source> make_source(net::Loop& home, const config::LdapDirectory& settings,
                                    const std::string& password);
std::shared_ptr<Source> make_source(net::Loop& home, UserList::Open users);

}  // namespace directory
