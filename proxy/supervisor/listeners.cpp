#include "supervisor/listeners.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "base/clock.hpp"

namespace supervisor {
namespace {

constexpr std::chrono::milliseconds kRetry{50};

base::Result<sockaddr_un> unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return base::error("socket {}: the path is longer than {} octets", path, sizeof address.sun_path - 1);
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

// Removes a socket file at which nobody answers any more.
base::Status clear_stale(const std::string& path, const sockaddr_un& address) {
    struct stat facts {};
    if (::lstat(path.c_str(), &facts) != 0)
        return errno == ENOENT ? base::ok() : base::errno_error("socket " + path);
    if (!S_ISSOCK(facts.st_mode))
        return base::error("socket {}: a file that is no socket is in the way", path);
    const base::UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!probe)
        return base::errno_error("socket");
    if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EAGAIN)
        return base::error("socket {}: another sandwichd answers there", path);
    if (errno != ECONNREFUSED)
        return base::errno_error("socket " + path);
    if (::unlink(path.c_str()) != 0)
        return base::errno_error("socket " + path);
    return base::ok();
}

}  // namespace

base::Result<base::UniqueFd> listen_tcp(const net::Endpoint& endpoint, std::chrono::milliseconds patience) {
    sockaddr_storage storage{};
    const socklen_t length = endpoint.to_sockaddr(storage);
    base::UniqueFd fd(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd)
        return base::errno_error("socket");
    const int one = 1;
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0)
        return base::errno_error("SO_REUSEADDR");
    // [::] must not take IPv4 along behind the back of whoever wrote the configuration.
    if (storage.ss_family == AF_INET6 && ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) != 0)
        return base::errno_error("IPV6_V6ONLY");
    const auto deadline = base::Monotonic::now() + patience;
    while (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0) {
        if (errno != EADDRINUSE || base::Monotonic::now() >= deadline)
            return base::errno_error("cannot listen on " + endpoint.to_string());
        std::this_thread::sleep_for(kRetry);
    }
    if (::listen(fd.get(), kBacklog) != 0)
        return base::errno_error("cannot listen on " + endpoint.to_string());
    return fd;
}

namespace {

base::Result<base::UniqueFd> listen_path(const std::string& path, std::optional<SocketOwner> owner, mode_t mode) {
    const auto address = unix_address(path);
    if (!address)
        return address.error();
    if (auto cleared = clear_stale(path, *address); !cleared)
        return cleared.error();
    base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd)
        return base::errno_error("socket");
    // Nobody may connect before the owner is right.
    const mode_t before = ::umask(0177);
    const int bound = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address);
    ::umask(before);
    if (bound != 0)
        return base::errno_error("socket " + path);
    if (owner && ::lchown(path.c_str(), owner->uid, owner->gid) != 0)
        return base::errno_error("socket " + path);
    if (::chmod(path.c_str(), mode) != 0 || ::listen(fd.get(), kBacklog) != 0)
        return base::errno_error("socket " + path);
    return fd;
}

}  // namespace

base::Result<base::UniqueFd> listen_control(const std::string& path, std::optional<SocketOwner> owner) {
    return listen_path(path, owner, 0660);
}

base::Result<base::UniqueFd> listen_for_all(const std::string& path) {
    return listen_path(path, std::nullopt, 0666);
}

}  // namespace supervisor
