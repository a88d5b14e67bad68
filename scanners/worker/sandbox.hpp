// The sandbox of one worker, closed after the fork and before the first message: limits, Landlock, seccomp.
//
// Landlock: no file but its own temporary directory. seccomp: only the system calls that libclamav needs (measured
// over mail, archives and documents of every kind); any other ends the worker. No new program, no socket, no signal to
// another process, no memory that is both written and run.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace scanners {

struct SandboxLimits {
    std::uint64_t memory = 0;     // octets on top of what the process has mapped (the engine); 0: no limit
    std::uint64_t file_size = 0;  // octets of one temporary file; 0: no limit
};

// Limits are set in every case, also where the sandbox is switched off.
base::Status apply_limits(const SandboxLimits& limits);

// CPU time as a second belt beside the deadline that the proxy watches: at most `more` from now on, then SIGXCPU.
void allow_cpu_time(std::chrono::seconds more);

// What this system can do; asked by the zygote, which logs what is missing.
struct SandboxSupport {
    int landlock = 0;  // ABI version; 0: none
    bool seccomp = false;
};
SandboxSupport sandbox_support();

// Closes the sandbox around the calling process for good. What `support` lacks is left out. Error: it could not be
// closed although the system can: the worker must not run.
base::Status enter_sandbox(const SandboxSupport& support, const std::string& temporary_directory);

}  // namespace scanners
