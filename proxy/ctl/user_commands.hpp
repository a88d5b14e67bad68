// `sandwichctl users`: asks the proxy about the user list and changes it; reads and writes files of users.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "ctl/client.hpp"

namespace ctl {

struct UserTask {
    // One request, its answer: ask() with the control socket, or a test's own.
    std::function<base::Result<Answer>(const std::string& request)> ask;
    std::function<base::Status(std::string_view)> print;                // standard output
    std::function<void(std::string_view)> complain;                     // standard error, one line
    std::function<base::Result<std::string>(const std::string&)> read;  // a file; "-": standard input
};

enum class UserOutcome { kDone, kRefused, kUsage, kUnreachable };

// The words behind "users":
//   list [TEXT|@DOMAIN] | show ADDRESS|@DOMAIN | add MAILBOX [ALIAS...] | alias MAILBOX ALIAS... | remove ADDRESS...
//   set ADDRESS|@DOMAIN NAME=VALUE... | unset ADDRESS|@DOMAIN NAME... | settings [ADDRESS|@DOMAIN]
//   disable MAILBOX... | enable MAILBOX... | import FILE | export [TEXT|@DOMAIN]
UserOutcome run_user_command(std::span<const std::string_view> words, const UserTask& task);

}  // namespace ctl
