// Crew: the zygote's workers. Forks them, hands each one's channel to the proxy, buries the dead, empties their
// temporary directories and forks successors; one that dies before it is ready is followed with growing delay.
//
// Single-threaded; the zygote's poll loop calls it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <vector>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"
#include "scanners/worker/isolation.hpp"
#include "scanners/worker/wire.hpp"
#include "scanners/worker/worker.hpp"

namespace scanners {

class Crew {
  public:
    // `plan` is every worker's but for the temporary directory. Borrows scanners and places.
    Crew(WorkerPlan plan, Scanners& scanners, const WorkPlaces& places);
    ~Crew();  // dismiss()
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;

    // Before the first proxy: starts workers, one after the other, and lets each get ready, so that its first mail
    // finds it warm. serve() hands them over. Waits for them, for some seconds at most; with what has failed serve()
    // goes on.
    void prepare();
    // Starts workers for the proxy at the other end of `control`. Those of an earlier proxy are dismissed.
    void serve(int control);
    // Kills every worker and waits for its end.
    void dismiss();
    // On the proxy's word. A serial that is no longer at work is ignored.
    void kill(const wire::Kill& order);
    // After SIGCHLD: buries, and starts successors that are due.
    void bury();
    // Starts what is due; the value is how long to wait at most until something is (negative: nothing is to come).
    std::chrono::milliseconds start_due();

  private:
    struct Slot {
        pid_t pid = 0;
        std::uint32_t serial = 0;
        unsigned stillborn = 0;  // workers in a row that died before they were ready
        base::Monotonic::time_point due;
        base::UniqueFd channel;  // the proxy's end, until there is a proxy
    };

    bool start(std::size_t index);
    void hand_over(const Slot& slot, std::size_t index, int channel);
    void buried(std::size_t index, int status);
    void wait_longer(Slot& slot);
    void empty_place(std::size_t index);

    WorkerPlan plan_;
    Scanners& scanners_;
    const WorkPlaces& places_;
    std::vector<Slot> slots_;
    volatile bool* ready_ = nullptr;  // one for each slot, in memory shared with the workers
    int control_ = -1;
    bool prepared_ = false;  // the workers are those of prepare()
    std::uint32_t last_serial_ = 0;
};

}  // namespace scanners
