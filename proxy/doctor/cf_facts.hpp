// CfFacts: what the doctor wants to know of a sendmail.cf: its options, where its daemon listens, where its mailers
// send, and what /etc/default/sandwich says. Pure. Whether the file is safe, sandwich-cf(8) judges.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace doctor {

struct CfFacts {
    std::map<std::string, std::string, std::less<>> options;  // lower case -> the last value; one-letter names in full
    struct Daemon {
        std::string address;  // as it is written; empty: all
        std::uint16_t port = 25;
        bool operator==(const Daemon&) const = default;
    };
    std::vector<Daemon> daemons;  // of DaemonPortOptions; one on port 25 where there is no such line
    struct Hop {
        std::vector<std::string> hosts;  // without brackets
        std::uint16_t port = 25;
        bool operator==(const Hop&) const = default;
    };
    std::vector<Hop> hops;  // fixed hosts of mailers that speak TCP, each once

    [[nodiscard]] std::string_view option(std::string_view name) const;  // empty: not set
};
CfFacts parse_cf(std::string_view text);

// As the file says, else where Sendmail has them by itself. No file: the same.
std::string queue_directory(const std::optional<CfFacts>& cf);
std::string pid_file(const std::optional<CfFacts>& cf);

// Words of PrivacyOptions that keep VRFY from telling (novrfy, goaway), as they stand there; empty: none.
std::string hides_users(std::string_view privacy_options);

// NAME=value lines of a shell's settings, quotes taken off; comments and everything else is left out.
std::map<std::string, std::string, std::less<>> parse_defaults(std::string_view text);

}  // namespace doctor
