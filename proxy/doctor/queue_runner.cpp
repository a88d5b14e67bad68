#include "doctor/queue_runner.hpp"

#include <algorithm>

namespace doctor {

Finding judge_queue(const QueueFacts& facts) {
    const auto about = fmt::format("queue of the {} Sendmail", facts.daemon);
    if (facts.runs && has_queue_run(facts.pid_file.command))
        return fine(about, fmt::format("pid {} tries again what waits in {}", *facts.pid_file.pid, facts.directory));
    // A runner of its own names the queue in its title, or the configuration in its command line.
    const auto runner = std::find_if(facts.sendmails.begin(), facts.sendmails.end(), [&](const Process& one) {
        return has_queue_run(one.title) &&
               (one.title.find(facts.directory) != std::string::npos || one.title.find(facts.cf) != std::string::npos);
    });
    if (runner != facts.sendmails.end())
        return fine(about, fmt::format("pid {} tries again what waits in {}", runner->pid, facts.directory));
    if (!facts.runs)
        return failure(about,
                       fmt::format("it does not run ({}): what waits in {} stays there",
                                   facts.pid_file.why.empty() ? "pid file " + facts.pid_file.path : facts.pid_file.why,
                                   facts.directory),
                       fmt::format("service sandwich start {}", facts.daemon));
    return failure(about,
                   fmt::format("pid {} runs without a queue interval (-q): what was deferred is never tried again",
                               *facts.pid_file.pid),
                   fmt::format("start it with -q10m, or a runner beside it: sendmail -q10m -C{}", facts.cf));
}

}  // namespace doctor
