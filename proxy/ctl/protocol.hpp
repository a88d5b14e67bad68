// What sandwichctl and the proxy say to each other over the control socket.
//
// The client sends one line, words separated by blanks, then LF:
//
//   status | list | show ID | raw ID | release ID [again] | delete ID | why NAME |
//   routes [DOMAIN] | recipient ADDRESS | users REQUEST
//
// The answer is "ok" or "error", LF, then text in pieces: the number of octets in decimal, LF, the octets; a piece of 0
// octets ends it, so that an answer that breaks off is not taken for a whole one. Then the proxy closes. `list` gives a
// line for each message, fields separated by TAB: id, state, time, size, reverse-path, recipients, verdict. No field
// holds a control character. REQUEST: directory/user_list_requests.hpp.
#pragma once

#include <cstddef>

namespace ctl {

inline constexpr std::size_t kMaxRequest = 4096;     // octets, with the LF
inline constexpr std::size_t kMaxPiece = 64 * 1024;  // octets

}  // namespace ctl
