// [smtp] original: where scanned mail goes, written as InterScan VirusWall's intscan.ini writes it: a command that
// speaks SMTP on its standard streams, or a server's address and port.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "net/address.hpp"

namespace config {

struct Original {
    std::vector<std::string> command;  // absolute path and arguments; empty: it is a server
    net::Endpoint server;
};

// "/usr/lib/sendmail -bs -C/etc/mail/delivery.cf" (blanks separate, there are no quotes), "192.0.2.1 25",
// "localhost:25", "[2001:db8::1] 25". The only name is localhost: no other is looked up. Error says what is wrong.
base::Result<Original> parse_original(std::string_view text, std::uint16_t default_port);

// The items of a list that blanks or commas separate.
std::vector<std::string> list_items(std::string_view text);

// What stands in Settings::downstream for a delivery server that is a command: no server has port 0.
inline bool is_command(const net::Endpoint& server) {
    return server.port == 0;
}

}  // namespace config
