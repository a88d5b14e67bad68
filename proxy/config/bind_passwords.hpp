// The passwords with which directories are asked ([ldap NAME] bind_dn): they stand in no settings and in no log.
//
// The supervisor, which may read a file that belongs to root and has the environment, reads them with the configuration
// and hands them to the proxy, beside the files of [tls].
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "config/load.hpp"

namespace config {

// From the file or the variable that the settings name; empty where they name none. Of a file the first line counts.
// Error: why there is none.
base::Result<std::string> read_bind_password(const LdapDirectory& settings);

// Those of all directories, for the way from one process to another. What is wrong is put into the diagnostics.
// Precondition: there are settings.
std::string read_bind_passwords(Loaded& loaded);
// That of the directory with this NAME; empty: it has none.
std::string bind_password_in(std::string_view packed, std::string_view name);

}  // namespace config
