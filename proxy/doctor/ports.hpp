// Ports: who listens where the three daemons should, and whether it is they. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "doctor/finding.hpp"
#include "doctor/processes.hpp"

namespace doctor {

struct PortFacts {
    net::Endpoint wanted;             // any address: whoever listens on the port
    std::string daemon;               // "inbound", "proxy", "delivery": as service sandwich start knows it
    std::string program;              // what its name begins with: "sendmail", "sandwichd"
    std::string pid_file;             // empty: not known
    std::optional<pid_t> pid;         // that stands in it
    std::vector<Listener> listeners;  // all of the machine
};
Finding judge_port(const PortFacts& facts);

}  // namespace doctor
