// Login: is this the user's password? Asks the servers of [login NAME] in their order; keeps nothing of what it is
// told. Never says "wrong" when somebody who could know better has not answered. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"
#include "directory/login_rate.hpp"
#include "directory/login_server.hpp"
#include "directory/worker_threads.hpp"

namespace directory {

struct LoginAnswer {
    enum class Kind { kRight, kWrong, kTryLater };
    Kind kind = Kind::kTryLater;
    std::string reason;            // where no server was asked: why not
    std::vector<LoginStep> steps;  // those that were asked, in order; the last one of kRight let the user in
    std::string mailbox;           // kRight, where a directory knows it: whose it is, and its other addresses
    std::vector<std::string> aliases;
};

class Login {
  public:
    static constexpr std::size_t kThreads = 4;
    static constexpr std::size_t kMaxWaiting = 100;
    static constexpr std::size_t kMaxAddress = 320;  // octets
    static constexpr std::size_t kMaxPassword = 1024;

    using Servers = std::vector<std::unique_ptr<LoginServer>>;

    // `servers` in the order in which they are asked.
    Login(Servers servers, LoginRate& rate);
    ~Login();
    Login(const Login&) = delete;
    Login& operator=(const Login&) = delete;

    // `address` whole, as it was typed. `done` is called exactly once: on a thread of its own, or before the call
    // returns when too many wait, or in the destructor. So it posts the answer to its loop, and does nothing else.
    void check(std::string address, Secret password, std::function<void(LoginAnswer)> done);

    // The same by the calling thread, which waits.
    LoginAnswer ask(std::string_view address, const Secret& password);

  private:
    LoginAnswer ask_servers(std::string_view address, const Secret& password);

    Servers servers_;
    LoginRate& rate_;  // outlives this: a reload makes a new Login, and forgives nobody
    std::unique_ptr<WorkerThreads> threads_;
    std::once_flag started_;
};

// The password of a section, as "ldap main", for which the settings name this place: read_secret(), or in the daemon
// config::server_password_in().
using PasswordOf = std::function<base::Result<Secret>(const std::string& section, const config::PasswordPlace&)>;

// Those of these [login NAME] sections (config::login_names), in this order.
Login::Servers make_login_servers(const config::Settings& settings, const std::vector<std::string>& names,
                                  const PasswordOf& password_of);

}  // namespace directory
