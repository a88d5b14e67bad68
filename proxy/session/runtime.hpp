// Runtime: everything a transaction consults, built whole and replaced whole (invariant 10); and what all loops share.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/snapshot.hpp"
#include "config/domains.hpp"
#include "config/settings.hpp"
#include "config/tls_files.hpp"
#include "directory/recipients.hpp"
#include "directory/user_list.hpp"
#include "explain/explanations.hpp"
#include "journal/journal.hpp"
#include "policy/decision.hpp"
#include "quarantine/service.hpp"
#include "scanners/network/all_scanners.hpp"
#include "session/admission.hpp"
#include "session/delays.hpp"
#include "session/downstream_health.hpp"
#include "session/limits.hpp"
#include "session/names.hpp"
#include "session/notice_rate.hpp"
#include "session/original_command.hpp"
#include "session/routes.hpp"

namespace session {

struct Runtime {
    config::Settings settings;
    policy::Rules rules;
    config::DomainIndex domains;  // of the settings
    RouteTable routes;
    config::TlsContexts tls;
    unsigned generation = 1;              // of the configuration
    OriginalCommand* original = nullptr;  // starts the command of settings.original; outlives every loop
};
using RuntimePtr = std::shared_ptr<const Runtime>;

// Counts what became of connections and messages; shared by all loops.
struct Counters {
    std::atomic<std::uint64_t> accepted{0};
    std::atomic<std::uint64_t> refused{0};  // connections answered with 421
    std::atomic<std::uint64_t> delivered{0};
    std::atomic<std::uint64_t> quarantined{0};
    std::atomic<std::uint64_t> rejected{0};
    std::atomic<std::uint64_t> discarded{0};
    std::atomic<std::uint64_t> deferred{0};
    std::atomic<std::uint64_t> repeated{0};  // answered from the journal, nothing done
};

// Lives as long as every loop. Members are safe to use from any of them.
struct Shared {
    base::Snapshot<Runtime> runtime;
    scanners::network::AllScanners& scanners;
    quarantine::Service& quarantine;
    journal::Journal& journal;
    explain::Explanations* explanations = nullptr;  // null: none are kept
    directory::Recipients* recipients = nullptr;    // null: nobody is looked up
    directory::UserList* users = nullptr;           // null: there is no list
    Counters counters{};
    Admission admission{};
    Limits limits{};
    // Apart, so that a flood of forged senders silences no administrator.
    NoticeRate notices_to_strangers{};  // addresses out of mails
    NoticeRate notices_to_known{};      // those that the configuration names
    Delays delays{};
    DownstreamHealth downstream{};
    Names names{};
    std::atomic<bool> draining{false};  // no new sessions; the ones there end at their next command
};

}  // namespace session
