// AllScanners: one question to all scanners, the workers and those beside them, and one report of what they said.
//
// All look at a message at the same time. The report comes when the last has answered; each has a deadline of its own,
// none longer than [worker] total_timeout. Lives on the proxy's home loop, as the Pool does; submit() may be called
// from any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "config/settings.hpp"
#include "scanners/worker/pool.hpp"

namespace scanners::network {

class AllScanners {
  public:
    using Done = std::function<void(policy::ScanReport)>;

    // `home` is the Pool's; both outlive this.
    AllScanners(net::Loop& home, Pool& workers, const config::Settings& settings);
    // On the home loop's thread, or when that loop no longer runs, as with the Pool.
    ~AllScanners();
    AllScanners(const AllScanners&) = delete;
    AllScanners& operator=(const AllScanners&) = delete;

    // Home loop only. A scanner whose settings have not changed stays as it is; the others finish what they have.
    void configure(const config::Settings& settings);
    // A channel to the runner of check programs (scanners/check/wire.hpp). Home loop only.
    void adopt_runner(base::UniqueFd channel);

    // Any thread. `settings` are those that the message is judged by (invariant 10): it is scanned by what is enabled
    // there. `done` runs once, on `loop`'s thread. The results are those of the workers, then those of the others in
    // the order of the settings.
    void submit(net::Loop& loop, const config::Settings& settings, const std::string& id,
                const mail::MessagePtr& message, Done done);

    // Pool::submit_edit(): the workers edit, the others have no part in it. Any thread.
    void submit_edit(net::Loop& loop, std::string id, mail::MessagePtr message, EditRequest request,
                     Pool::EditDone done);

    // Messages that no worker, or no server of the busiest of the others, has yet. Any thread, and cheap.
    [[nodiscard]] std::size_t waiting() const;
    // Lines for `sandwichctl status`; empty when only the workers scan. Home loop only.
    [[nodiscard]] std::string describe() const;

  private:
    class State;
    Pool& workers_;
    std::shared_ptr<State> state_;  // what comes from other threads after the end finds it gone
};

}  // namespace scanners::network
