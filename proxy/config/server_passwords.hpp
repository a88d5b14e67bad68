// The passwords with which we log in at other servers ([ldap NAME] bind_dn, [login NAME] control_user): they stand in
// no settings and in no log.
//
// The supervisor, which may read a file that belongs to root and has the environment, reads them with the configuration
// and hands them to the proxy, beside the files of [tls].
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "config/load.hpp"

namespace config {

// From the file or the variable that `place` names; empty where it names none. One line; of a file the first one
// counts. Error: why there is none.
base::Result<std::string> read_password(const PasswordPlace& place);

// Those of all sections, for the way from one process to another. What is wrong is put into the diagnostics.
// Precondition: there are settings.
std::string read_server_passwords(Loaded& loaded);
// That of the section of this name, as "ldap main" (case does not matter); empty: it has none.
std::string server_password_in(std::string_view packed, std::string_view section);

}  // namespace config
