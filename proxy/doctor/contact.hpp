// Contact: how an attempt to reach a server went, and what that tells an administrator. contact.cpp is pure;
// connecting.cpp connects and waits, on a thread that may.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"
#include "net/address.hpp"

namespace doctor {

using Deadline = base::Monotonic::time_point;

enum class Reach : std::uint8_t {
    kConnected,
    kRefused,      // the host answers, and nobody listens there; or a firewall says so
    kSilent,       // no answer at all
    kUnreachable,  // no way there, or a router says no
    kNoName,       // the name leads to no address
    kOther,
};

struct Contact {
    Reach reach = Reach::kOther;
    std::string detail{};  // what the system says, or why the name leads nowhere
    bool operator==(const Contact&) const = default;

    [[nodiscard]] bool connected() const { return reach == Reach::kConnected; }
};

// "connection refused"
std::string to_text(const Contact& contact);
// What to do about one that is not connected. `place`: "192.0.2.1:25", or a path.
std::string cure_of(const Contact& contact, std::string_view place);

// ---- connecting.cpp

struct Connecting {
    Contact contact;
    base::UniqueFd socket;  // non-blocking; only when connected
};
Connecting connect_to(const net::Endpoint& server, Deadline deadline);
Connecting connect_to_path(const std::string& path);

// The system's own look-up of a name or an address, which may take as long as its resolver's time limits.
struct Addresses {
    std::vector<net::Endpoint> found;
    std::string why;  // where there are none
};
Addresses look_up(const std::string& host, std::uint16_t port);

// Waits until the socket can be read or written (POLLIN, POLLOUT). False: not in time.
bool wait_for(int socket, short what, Deadline deadline);

}  // namespace doctor
