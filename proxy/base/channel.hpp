// Packets with file descriptors over SOCK_SEQPACKET socket pairs: how the daemon's own processes talk to each other.
//
// Who is at the other end is one of our processes, but a scanner worker may be under an attacker's control: receivers
// check every byte, and descriptors that nobody expects are closed with the Packet.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace base {

inline constexpr std::size_t kMaxPacket = 131072;        // octets; the kernel takes at least 200 KiB
inline constexpr std::size_t kMaxPacketDescriptors = 8;  // descriptors in one packet

struct Packet {
    std::string bytes;
    std::vector<UniqueFd> descriptors;
};

// Both ends close-on-exec, blocking.
Result<std::pair<UniqueFd, UniqueFd>> make_channel();

// Never waits, never raises SIGPIPE. Error: the peer is gone, its queue is full, or the packet is too big.
Status send_packet(int channel, std::string_view bytes, std::initializer_list<int> descriptors = {});

enum class Received { kPacket, kNothing, kEnd };
// One packet into `packet`. kNothing: none is there (only with `wait` false). kEnd: the peer is gone, or the packet
// broke a bound: the channel is of no further use. Received descriptors are close-on-exec.
Received receive_packet(int channel, Packet& packet, bool wait);

}  // namespace base
