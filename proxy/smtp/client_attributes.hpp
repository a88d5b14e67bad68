// What one mail server tells the next about the real client: XCLIENT and XFORWARD, as Postfix speaks them
// (XCLIENT_README, XFORWARD_README); values are in xtext (RFC 3461 section 4). Sans-I/O.
//
// Who may say such things is for the owner to decide: it follows from the accepted connection (invariant 14).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace smtp {

struct ClientAttributes {
    static constexpr std::size_t kMaxValue = 255;  // octets, decoded

    // Empty: not told, or not known there.
    std::string name;      // of the host; never "unknown"
    std::string addr;      // as text, without "IPV6:"
    std::string port;      // digits
    std::string proto;     // "SMTP", "ESMTP"
    std::string helo;      // whatever the client said
    std::string login;     // XCLIENT only
    std::string destaddr;  // XCLIENT only
    std::string destport;  // XCLIENT only
    std::string ident;     // XFORWARD only: the id that the mail has there
    std::string source;    // XFORWARD only: "LOCAL", "REMOTE"

    [[nodiscard]] bool empty() const { return *this == ClientAttributes{}; }
    bool operator==(const ClientAttributes&) const = default;
};

// For our EHLO reply, in whole.
inline constexpr std::string_view kXclientKeyword = "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT";
inline constexpr std::string_view kXforwardKeyword = "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE";

// The argument of XCLIENT or XFORWARD: those attributes of `attributes` change that it names. An Error's text is fit
// for a 501; `attributes` is then unchanged. Whether addr is an address is not checked here.
base::Status parse_xclient(std::string_view argument, ClientAttributes& attributes);
base::Status parse_xforward(std::string_view argument, ClientAttributes& attributes);

// Which attributes a server takes with XFORWARD: bits in the order of kXforwardKeyword. From its EHLO line, without the
// keyword.
std::uint8_t parse_xforward_offer(std::string_view names);

// The arguments of as many XFORWARD commands as it takes to say all that `offered` lets us say, each within the 512
// octets of a command line. Attributes not known are said to be so, lest the server keep what it knows of us.
std::vector<std::string> xforward_commands(const ClientAttributes& attributes, std::uint8_t offered);

}  // namespace smtp
