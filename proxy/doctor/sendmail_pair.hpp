// The two Sendmail configurations: what sandwich-cf --check says of them, and whether they and ours lead to each other.
// Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "doctor/cf_facts.hpp"
#include "doctor/finding.hpp"
#include "net/address.hpp"

namespace doctor {

struct PairFacts {
    std::string inbound_cf;
    std::string delivery_cf;
    bool inbound_there = false;
    bool delivery_there = false;
    // Whether each of the two should be on this machine; else nobody misses its file.
    bool inbound_expected = true;
    bool delivery_expected = true;
    int status = 0;       // of sandwich-cf --check
    std::string told;     // what it printed
    std::string not_run;  // why it could not be run; empty: it was
};
Findings judge_pair(const PairFacts& facts);

// Where mail goes from one daemon to the next, as each of the three configurations has it.
struct WayFacts {
    std::optional<CfFacts> inbound;         // empty: not on this machine
    std::optional<CfFacts> delivery;        // empty: not on this machine
    std::vector<net::Endpoint> sockets;     // where we listen
    std::vector<net::Endpoint> downstream;  // where we deliver what has no route of its own; a command has port 0
    std::vector<net::Address> local;        // addresses of this machine
};
Findings judge_way(const WayFacts& facts);

// Whether `host`, as a mailer names it, is this machine, and as which address.
std::optional<net::Address> local_host(std::string_view host, const std::vector<net::Address>& local);

}  // namespace doctor
