// One scanner worker: a forked child of the zygote that scans one message at a time until its channel ends.
//
// Whatever it does is bounded from outside: its deadline by the proxy, its life by the zygote, its reach by the
// sandbox. It has no log: the descriptor of the system's logger is closed.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "scanners/content/expressions.hpp"
#include "scanners/content/language.hpp"
#include "scanners/scanner.hpp"
#include "scanners/worker/sandbox.hpp"

namespace scanners {

using Scanners = std::vector<std::unique_ptr<Scanner>>;

struct WorkerPlan {
    std::string temporary_directory;
    SandboxLimits limits;
    bool sandbox = true;
    bool warm_up = false;  // it looks at a mail of its own before it says that it is ready
    SandboxSupport support;
    std::chrono::seconds scan_time{60};
    policy::ContentLimits content_limits{};
    const content::Expressions* expressions = nullptr;  // of the policy; null: none
    policy::Wanted wanted{};                            // of the policy, besides
    const content::Languages* languages = nullptr;      // null: nobody wants to know the language
    std::uint32_t expression_set = 0;                   // whose wishes these are
};

// Exit codes, which the zygote logs in words.
inline constexpr int kWorkerDone = 0;        // the channel ended
inline constexpr int kWorkerNotReady = 70;   // limits, scanners or sandbox could not be set up
inline constexpr int kWorkerBadPacket = 71;  // the proxy sent what no proxy sends

// Becomes a worker: in the child, just after fork(). `channel` leads to the proxy; every other descriptor is closed.
// `ready` is shared with the zygote and set once the sandbox is closed. Never returns.
[[noreturn]] void run_worker(base::UniqueFd channel, const WorkerPlan& plan, Scanners& scanners, volatile bool& ready);

}  // namespace scanners
