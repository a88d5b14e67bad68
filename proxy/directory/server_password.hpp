// A password with which we log in somewhere, from where the settings say that it is.
#pragma once

#include <utility>

#include "base/result.hpp"
#include "config/server_passwords.hpp"
#include "directory/secret.hpp"

namespace directory {

// config::read_password(), kept as a secret.
inline base::Result<Secret> read_secret(const config::PasswordPlace& place) {
    auto password = config::read_password(place);
    return password ? base::Result<Secret>(Secret(std::move(*password))) : password.error();
}

}  // namespace directory
