// Queue runners: whether the two Sendmails run, and whether anybody tries again what waits in their queues. Pure.
#pragma once

#include <string>
#include <vector>

#include "doctor/finding.hpp"
#include "doctor/processes.hpp"

namespace doctor {

struct QueueFacts {
    std::string daemon;  // "inbound", "delivery"
    std::string cf;
    std::string directory;  // QueueDirectory
    PidFile pid_file;
    bool runs = false;               // that pid, and it is a Sendmail
    std::vector<Process> sendmails;  // all of the machine
};
Finding judge_queue(const QueueFacts& facts);

}  // namespace doctor
