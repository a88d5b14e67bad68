#include "base/channel.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace base {

Result<std::pair<UniqueFd, UniqueFd>> make_channel() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return errno_error("socketpair");
    return std::pair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Status send_packet(int channel, std::string_view bytes, std::initializer_list<int> descriptors) {
    if (bytes.empty() || bytes.size() > kMaxPacket || descriptors.size() > kMaxPacketDescriptors)
        return error("a packet of {} octets and {} descriptors is out of bounds", bytes.size(), descriptors.size());
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxPacketDescriptors)> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (descriptors.size() > 0) {
        message.msg_control = control.data();
        message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
        std::memcpy(CMSG_DATA(header), descriptors.begin(), sizeof(int) * descriptors.size());
    }
    ssize_t sent = 0;
    do {
        sent = ::sendmsg(channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return errno_error("sendmsg");
    return ok();
}

Received receive_packet(int channel, Packet& packet, bool wait) {
    packet.descriptors.clear();
    packet.bytes.clear();
    // A string would be filled with zeroes up to the largest size before each packet, most of which are small.
    thread_local const auto buffer = std::make_unique_for_overwrite<char[]>(kMaxPacket);
    iovec part{buffer.get(), kMaxPacket};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxPacketDescriptors)> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t got = 0;
    // ECONNRESET comes once, when the peer closed without having read everything; its own last packets stand behind it.
    do {
        got = ::recvmsg(channel, &message, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
    } while (got < 0 && (errno == EINTR || errno == ECONNRESET));
    const int failure = errno;
    if (got < 0 && (failure == EAGAIN || failure == EWOULDBLOCK))
        return Received::kNothing;
    if (got <= 0)
        return Received::kEnd;
    packet.bytes.assign(buffer.get(), static_cast<std::size_t>(got));
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        const auto count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
            packet.descriptors.emplace_back(fd);
        }
    }
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
        return Received::kEnd;
    return Received::kPacket;
}

}  // namespace base
