#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "doctor/contact.hpp"

namespace doctor {
namespace {

Contact contact_of(int code) {
    const std::string detail = std::strerror(code);
    switch (code) {
        case ECONNREFUSED:
            return {Reach::kRefused, detail};
        case ETIMEDOUT:
            return {Reach::kSilent, detail};
        case ENETUNREACH:
        case EHOSTUNREACH:
        case EACCES:
        case EPERM:
            return {Reach::kUnreachable, detail};
        default:
            return {Reach::kOther, detail};
    }
}

}  // namespace

bool wait_for(int socket, short what, Deadline deadline) {
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - base::Monotonic::now());
        if (left.count() <= 0)
            return false;
        pollfd ready{socket, what, 0};
        const int found = ::poll(&ready, 1, static_cast<int>(std::min<long>(left.count() + 1, 60'000)));
        if (found > 0)
            return true;
        if (found < 0 && errno != EINTR)
            return false;
    }
}

Connecting connect_to(const net::Endpoint& server, Deadline deadline) {
    const int family = server.address.v6() ? AF_INET6 : AF_INET;
    base::UniqueFd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket)
        return {contact_of(errno), {}};
    sockaddr_storage storage{};
    const auto length = server.to_sockaddr(storage);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0) {
        if (errno != EINPROGRESS)
            return {contact_of(errno), {}};
        if (!wait_for(socket.get(), POLLOUT, deadline))
            return {{Reach::kSilent, "no answer in time"}, {}};
        int code = 0;
        socklen_t size = sizeof code;
        if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &code, &size) != 0)
            code = errno;
        if (code != 0)
            return {contact_of(code), {}};
    }
    return {{Reach::kConnected, {}}, std::move(socket)};
}

Connecting connect_to_path(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return {{Reach::kOther, "its path is too long"}, {}};
    path.copy(address.sun_path, path.size());
    base::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return {errno == EAGAIN ? Contact{Reach::kSilent, "its queue is full"} : contact_of(errno), {}};
    return {{Reach::kConnected, {}}, std::move(socket)};
}

Addresses look_up(const std::string& host, std::uint16_t port) {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    const int code = ::getaddrinfo(host.c_str(), nullptr, &wanted, &list);
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, ::freeaddrinfo);
    Addresses addresses;
    if (code != 0) {
        addresses.why = ::gai_strerror(code);
        return addresses;
    }
    for (const auto* one = list; one != nullptr; one = one->ai_next) {
        const net::Endpoint found{net::Address::from_sockaddr(one->ai_addr), port};
        if (std::find(addresses.found.begin(), addresses.found.end(), found) == addresses.found.end())
            addresses.found.push_back(found);
    }
    if (addresses.found.empty())
        addresses.why = "it has no address";
    return addresses;
}

}  // namespace doctor
