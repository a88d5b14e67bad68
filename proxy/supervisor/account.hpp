// Users and groups by name, and becoming one for good.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.hpp"

namespace supervisor {

struct Account {
    std::string name;
    uid_t uid = 0;
    gid_t gid = 0;
};

// Error: no such user (the text says how to make one), or a user with root's rights.
base::Result<Account> find_account(const std::string& name);
// The same, and root is one like any other: for programs of the administrator that are spoken to, not for our own.
base::Result<Account> find_any_account(const std::string& name);
base::Result<gid_t> find_group(const std::string& name);

// In a process of its own, as root: gives up every right that `account` has not, for good.
base::Status become(const Account& account);

}  // namespace supervisor
