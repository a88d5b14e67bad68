// Going into the background, and telling whoever started the daemon how the start went.
//
// In daemon mode the command returns only when mail is accepted (exit status 0) or the start has failed (1, with the
// reason on its standard error, which the daemon keeps until then).
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace supervisor {

class Readiness {
  public:
    // In the foreground: only the working directory and the umask. Else: forks; returns in the daemon, a session leader
    // without a terminal; the process that was called waits and never returns.
    static base::Result<Readiness> detach(bool foreground);

    // Lets the waiting process go. In daemon mode standard output leads to /dev/null from now on, and standard error
    // too unless `keep_stderr` (the log goes there).
    void announce(bool keep_stderr);

  private:
    explicit Readiness(base::UniqueFd waiting) : waiting_(std::move(waiting)) {}
    base::UniqueFd waiting_;  // empty in the foreground
};

}  // namespace supervisor
