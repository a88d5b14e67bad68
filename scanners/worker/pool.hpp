// Pool: the workers as the proxy sees them. Hands each one message at a time, watches deadlines, never waits.
//
// Lives on one loop (the "home" loop); submit() may be called from any thread. Workers come over the control channel of
// a zygote (SCM_RIGHTS); a worker that overruns its deadline or breaks the protocol is reported to its zygote, which
// kills and replaces it: the proxy runs under another uid and cannot signal it. When a new zygote (new signatures) is
// adopted, waiting messages go to its workers at once, old workers finish what they have and are let go.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "mail/message.hpp"
#include "net/loop.hpp"
#include "policy/scan_report.hpp"
#include "scanners/edit_request.hpp"

namespace scanners {

struct PoolLimits {
    std::chrono::milliseconds scan_time{60000};    // of one message in a worker; then the worker is killed
    std::chrono::milliseconds total_time{240000};  // waiting and scanning together; then "cannot tell (timeout)"
    std::size_t queue = 2000;                      // messages waiting; above: "cannot tell (unavailable)"
};

class Pool {
  public:
    using Done = std::function<void(policy::ScanReport)>;
    using EditDone = std::function<void(base::Result<EditAnswer>)>;

    Pool(net::Loop& home, PoolLimits limits);
    // On the home loop's thread, or when that loop no longer runs; nobody may call submit() any more. What has no
    // answer yet gets "cannot tell (unavailable)". All loops outlive the Pool.
    ~Pool();
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    // `control` is the proxy's end of a zygote's control channel (SOCK_SEQPACKET). Home loop only.
    void adopt_zygote(base::UniqueFd control, std::uint32_t generation);

    // Nobody brings another zygote: what waits when the last one is gone is not let wait. Home loop only.
    void expect_no_more();

    // Any thread. `done` runs once, on `loop`'s thread, always: also when every worker is gone.
    void submit(net::Loop& loop, std::string id, mail::MessagePtr message, Done done);

    // The same way for an edit of the body. The answer has passed mail::check_edits(); an Error is a text for the log:
    // the mail cannot be edited so, or no worker could say.
    void submit_edit(net::Loop& loop, std::string id, mail::MessagePtr message, EditRequest request, EditDone done);

    void set_limits(PoolLimits limits);  // home loop only

    struct Status {
        std::size_t workers = 0;
        std::size_t busy = 0;
        std::size_t waiting = 0;
        std::uint64_t scanned = 0;
        std::uint64_t lost_workers = 0;
        std::uint32_t generation = 0;
        std::string signatures;  // as the zygote said at adoption
        std::string outdated;    // why they are too old, as of the last scan; empty: they are not
    };
    [[nodiscard]] Status status() const;  // any thread; a copy
    // Messages that no worker has yet, as of the loop's last turn. Any thread, and cheap.
    [[nodiscard]] std::size_t waiting() const;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace scanners
