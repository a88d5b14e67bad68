// Where a scanner is asked that is no worker of ours: its kind, and its servers as they are written in the settings.
//
// An address is never a name: looking names up would block, and a scanner that cannot be reached because of DNS would
// hold up all mail.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "net/address.hpp"

namespace config {

enum class ScannerKind : std::uint8_t { kClamd, kIcap, kCheck };
// "clamd", "icap", "check"
std::string_view to_string(ScannerKind kind);

enum class IcapMethod : std::uint8_t { kRespmod, kReqmod };
// How a check program gets the message.
enum class MessageAs : std::uint8_t { kInput, kFile };

struct ScannerServer {
    net::Endpoint endpoint;
    std::string path;     // of a socket in the file system; then there is no endpoint
    std::string service;  // of an ICAP server: what follows the port, "/avscan?mode=mail"
    bool operator==(const ScannerServer&) const = default;

    // As it is written.
    [[nodiscard]] std::string to_string() const;
};

inline constexpr std::size_t kMaxScannerServers = 16;
inline constexpr std::uint16_t kClamdPort = 3310;
inline constexpr std::uint16_t kIcapPort = 1344;

// "/run/clamav/clamd.ctl 192.0.2.1:3310" for clamd, "icap://192.0.2.1:1344/avscan" for ICAP, separated by blanks or
// commas, in order of preference. Error names the item; an empty list is an error, and so is a server named twice.
base::Result<std::vector<ScannerServer>> parse_scanner_servers(ScannerKind kind, std::string_view text);

// A check program with its arguments: separated by blanks, without quotes; the first is an absolute path.
base::Result<std::vector<std::string>> parse_program(std::string_view text);

}  // namespace config
