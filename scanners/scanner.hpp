// Scanner: what every local scanner looks like from inside a worker process. How to write one: WRITING-A-SCANNER.md.
//
// A scanner lives in the zygote first (load, in one process and one thread), then in each worker forked from it (scan).
// It reports facts; it knows no SMTP, no policy, no recipients, and it may crash: only the worker dies.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "policy/scan_report.hpp"
#include "scanners/opening.hpp"

namespace scanners {

class Scanner {
  public:
    Scanner() = default;
    Scanner(const Scanner&) = delete;
    Scanner& operator=(const Scanner&) = delete;
    virtual ~Scanner() = default;

    [[nodiscard]] virtual std::string_view name() const = 0;

    // In the zygote, before any fork: signatures, patterns. Everything that opens files must be done here: a worker
    // sees no file but its own temporary directory. Error: the zygote does not start; the text tells the administrator
    // what to do.
    virtual base::Status load() = 0;

    // What judges: version of the signatures and when they were loaded. Valid after load().
    [[nodiscard]] virtual std::string signatures() const = 0;

    // In a fresh worker, after the fork and before the sandbox closes. `temporary_directory` is this worker's own.
    virtual base::Status enter_worker(const std::string& temporary_directory) = 0;

    // One mail, contiguous, with what only another reading of it shows, and what is known of its files; all valid
    // during the call. The answer is for all of it. Must not throw; may take long (the parent watches the deadline).
    virtual policy::ScanResult scan(std::string_view mail, const Parts& parts) = 0;

    // After a scan: why its word that something is clean is no longer worth it: signatures that are too old. Empty: it
    // is. What was found is found in any case.
    [[nodiscard]] virtual std::string outdated() const { return {}; }
};

}  // namespace scanners
