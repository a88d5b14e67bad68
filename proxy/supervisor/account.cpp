#include "supervisor/account.hpp"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>

namespace supervisor {

base::Result<Account> find_any_account(const std::string& name) {
    errno = 0;
    const passwd* entry = ::getpwnam(name.c_str());
    if (entry == nullptr && errno != 0 && errno != ENOENT)
        return base::errno_error("looking up the user " + name);
    if (entry == nullptr)
        return base::error(
            "there is no user \"{}\"; \"adduser --system --group --home /var/lib/sandwich --no-create-home {}\" makes "
            "one",
            name, name);
    return Account{name, entry->pw_uid, entry->pw_gid};
}

base::Result<Account> find_account(const std::string& name) {
    auto account = find_any_account(name);
    if (account && account->uid == 0)
        return base::error("\"{}\" has root's rights; what talks to the network or looks into mail must not", name);
    return account;
}

base::Result<gid_t> find_group(const std::string& name) {
    errno = 0;
    const group* entry = ::getgrnam(name.c_str());
    if (entry == nullptr && errno != 0 && errno != ENOENT)
        return base::errno_error("looking up the group " + name);
    if (entry == nullptr)
        return base::error("there is no group \"{}\"; \"addgroup --system {}\" makes one", name, name);
    return entry->gr_gid;
}

base::Status become(const Account& account) {
    if (::initgroups(account.name.c_str(), account.gid) != 0)
        return base::errno_error("initgroups " + account.name);
    if (::setgid(account.gid) != 0)
        return base::errno_error("setgid " + account.name);
    if (::setuid(account.uid) != 0)
        return base::errno_error("setuid " + account.name);
    if (::setuid(0) == 0)
        return base::error("root's rights came back after setuid {}", account.name);
    return base::ok();
}

}  // namespace supervisor
