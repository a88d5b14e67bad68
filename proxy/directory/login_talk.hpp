// One log-in at one mail server, from the greeting to the good-bye; waits. The password goes out over no connection
// but one as the settings want it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "config/directory_settings.hpp"
#include "directory/login_connection.hpp"
#include "directory/login_dialogue.hpp"
#include "directory/secret.hpp"

namespace directory {

struct LoginTalk {
    LoginVerdict verdict;
    std::string at;  // which address of the server has said it
};

// `address` as it was typed. `at`: as LoginConnection::open() has it. Error: the connection failed.
base::Result<LoginTalk> log_in(const config::LoginServer& settings, const config::HostPort& server,
                               std::string_view address, const Secret& password, LoginConnection::Time deadline,
                               const std::string& at = {});

}  // namespace directory
