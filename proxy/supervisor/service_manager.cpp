#include "supervisor/service_manager.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"

namespace supervisor {

ServiceManager::ServiceManager() {
    if (const char* name = std::getenv("NOTIFY_SOCKET"); name != nullptr)
        socket_ = name;
    ::unsetenv("NOTIFY_SOCKET");
}

void ServiceManager::tell(std::string_view state) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_.empty() || socket_.size() >= sizeof address.sun_path)
        return;
    std::memcpy(address.sun_path, socket_.data(), socket_.size());
    if (socket_.front() == '@')
        address.sun_path[0] = '\0';  // an abstract address
    const base::UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd)
        return;
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
    [[maybe_unused]] const auto sent = ::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL,
                                                reinterpret_cast<const sockaddr*>(&address), length);
}

void ServiceManager::tell_reloading() const {
    const auto now = std::chrono::duration_cast<std::chrono::microseconds>(base::Monotonic::now().time_since_epoch());
    tell(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.count()));
}

}  // namespace supervisor
