// LoginServer: what one section [login NAME] stands for: somebody who knows whether a user and a password go together.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "directory/ldap_source.hpp"
#include "directory/secret.hpp"

namespace directory {

// What one server has said.
struct LoginStep {
    enum class Kind {
        kRight,
        kWrong,    // this user has another password, and nobody else need be asked
        kRefused,  // no such user, or a wrong password: it does not say which
        kUnavailable,
    };
    Kind kind = Kind::kUnavailable;
    bool refused = false;              // it has refused the password, whether or not that can be believed
    std::string name;                  // NAME of [login NAME]
    std::string server;                // who has answered, where somebody has
    std::string reason;                // what it said, or why nobody can tell; for the log
    std::string mailbox;               // kRight, from a directory: the user's mailbox and its other addresses
    std::vector<std::string> aliases;  // without doubles
};

// Thread-safe; ask() waits.
class LoginServer {
  public:
    using Time = base::Monotonic::time_point;

    virtual ~LoginServer() = default;
    // `address` and `password` have been looked at: neither is empty, neither holds NUL, CR or LF.
    virtual LoginStep ask(std::string_view address, const Secret& password) = 0;
};

// Over SMTP, POP3 or IMAP. `control_password`: that of control_user, where there is one. Error: why it cannot be had;
// the server is then never believed that a password is wrong.
std::unique_ptr<LoginServer> make_mail_login(const config::LoginServer& settings,
                                             base::Result<Secret> control_password);

// In a directory. Error: `source` is what is wrong; the server then says so of every user.
std::unique_ptr<LoginServer> make_ldap_login(const config::LoginServer& settings,
                                             base::Result<std::shared_ptr<LdapSource>> source);

}  // namespace directory
