// sandwichctl auth-test: asks the log-in servers of the configuration whether an address and a password go together,
// from this process: the daemon has no part in it.
#pragma once

#include <string>
#include <string_view>

namespace ctl {

// Reads the password from the terminal, without showing it, or the first line of standard input. Prints what each
// server says. The exit status: 0 right, 1 wrong, 75 (EX_TEMPFAIL) nobody can tell now, 2 the configuration is none.
int auth_test(const std::string& configuration, std::string_view address);

}  // namespace ctl
