// Makes the directories that the configuration names and that are missing; those that are there stay as they are.
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "config/settings.hpp"
#include "supervisor/account.hpp"

namespace supervisor {

// Where the proxy keeps what outlives it but not the machine (journal/ring.hpp): beside the control socket, in memory
// wherever /run is.
std::string journal_memory(const config::Settings& settings);

// `proxy`: who is to own spool, quarantine, journal and explanations; empty: whoever runs this. The directories of pid
// file and control socket stay with the caller: nobody else may replace what root reads there.
base::Status make_directories(const config::Settings& settings, const std::optional<Account>& proxy);

}  // namespace supervisor
