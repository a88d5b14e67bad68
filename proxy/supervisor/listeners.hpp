// The sockets that the supervisor binds and keeps, so that a proxy may die without refusing anybody.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "net/address.hpp"
#include "supervisor/account.hpp"

namespace supervisor {

inline constexpr int kBacklog = 1024;  // connections that wait while a proxy starts anew

// A bound, listening, non-blocking TCP socket. An address in use is tried again for `patience`: a proxy that outlived
// its supervisor needs a moment to let go.
base::Result<base::UniqueFd> listen_tcp(const net::Endpoint& endpoint, std::chrono::milliseconds patience);

// The control socket, mode 0660, given to `owner` when there is one. A socket file at which nobody answers is replaced.
struct SocketOwner {
    uid_t uid = 0;
    gid_t gid = 0;
};
base::Result<base::UniqueFd> listen_control(const std::string& path, std::optional<SocketOwner> owner);

// The same for a socket that every user of the machine may connect to.
base::Result<base::UniqueFd> listen_for_all(const std::string& path);

}  // namespace supervisor
