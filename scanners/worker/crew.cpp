// Birth and death of workers.
#include "scanners/worker/crew.hpp"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <new>
#include <thread>
#include <utility>

#include "base/channel.hpp"
#include "base/log.hpp"
#include "scanners/worker/temporary_directory.hpp"

namespace scanners {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstDelay{10};
constexpr milliseconds kLongestDelay{5000};
constexpr milliseconds kPreparation{5000};  // of all workers
constexpr milliseconds kLook{1};

// A worker never outlives the zygote. The second check closes the gap before prctl().
void die_with(pid_t zygote) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (::getppid() != zygote)
        ::_exit(kWorkerDone);
}

std::string end_in_words(int status) {
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        return "the sandbox stopped a system call (SIGSYS)";
    if (WIFSIGNALED(status))
        return fmt::format("signal {}", WTERMSIG(status));
    switch (WEXITSTATUS(status)) {
        case kWorkerNotReady:
            return "its limits, scanners or sandbox could not be set up";
        case kWorkerBadPacket:
            return "it got a malformed packet";
        default:
            return fmt::format("exit code {}", WEXITSTATUS(status));
    }
}

}  // namespace

Crew::Crew(WorkerPlan plan, Scanners& scanners, const WorkPlaces& places)
    : plan_(std::move(plan)), scanners_(scanners), places_(places), slots_(places.size()) {
    void* shared = ::mmap(nullptr, slots_.size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        throw std::bad_alloc();
    ready_ = static_cast<volatile bool*>(shared);
}

Crew::~Crew() {
    dismiss();
    ::munmap(const_cast<bool*>(ready_), slots_.size());
}

void Crew::prepare() {
    prepared_ = plan_.warm_up = true;
    const auto end = base::Monotonic::now() + kPreparation;
    for (std::size_t index = 0; index < slots_.size(); ++index) {
        auto& slot = slots_[index];
        if (!start(index))
            continue;
        while (!ready_[index] && slot.pid > 0 && base::Monotonic::now() < end) {
            std::this_thread::sleep_for(kLook);
            bury();
        }
    }
    plan_.warm_up = false;
}

void Crew::serve(int control) {
    if (!std::exchange(prepared_, false))
        dismiss();
    control_ = control;
    for (std::size_t index = 0; index < slots_.size(); ++index) {
        auto& slot = slots_[index];
        const auto channel = std::move(slot.channel);
        if (slot.pid > 0)
            hand_over(slot, index, channel.get());
        else
            slot = Slot{0, 0, 0, base::Monotonic::now(), {}};
    }
    start_due();
}

void Crew::dismiss() {
    control_ = -1;
    for (const auto& slot : slots_) {
        if (slot.pid > 0)
            ::kill(slot.pid, SIGKILL);
    }
    for (std::size_t index = 0; index < slots_.size(); ++index) {
        auto& slot = slots_[index];
        if (slot.pid <= 0)
            continue;
        while (::waitpid(slot.pid, nullptr, 0) < 0 && errno == EINTR) {
        }
        slot.pid = 0;
        slot.channel.reset();
        empty_place(index);
    }
}

void Crew::kill(const wire::Kill& order) {
    if (order.slot >= slots_.size())
        return;
    const auto& slot = slots_[order.slot];
    if (slot.pid > 0 && slot.serial == order.serial)
        ::kill(slot.pid, SIGKILL);  // bury() sees the rest
}

void Crew::bury() {
    int status = 0;
    pid_t pid = 0;
    while ((pid = ::waitpid(-1, &status, WNOHANG)) > 0) {
        const auto slot = std::find_if(slots_.begin(), slots_.end(), [pid](const Slot& s) { return s.pid == pid; });
        if (slot != slots_.end())
            buried(static_cast<std::size_t>(slot - slots_.begin()), status);
    }
    start_due();
}

void Crew::buried(std::size_t index, int status) {
    auto& slot = slots_[index];
    const bool dismissed = WIFEXITED(status) && WEXITSTATUS(status) == kWorkerDone;  // the proxy let it go, or is gone
    if (!dismissed)
        base::log::event(base::log::kWorkerLost, "scanner worker {} (process {}) ended: {}", index, slot.pid,
                         end_in_words(status));
    slot.pid = 0;
    slot.channel.reset();
    empty_place(index);
    if (ready_[index]) {
        slot.stillborn = 0;
        slot.due = base::Monotonic::now() + (dismissed ? kFirstDelay : milliseconds{0});
    } else {
        wait_longer(slot);
    }
}

void Crew::wait_longer(Slot& slot) {
    const auto delay = std::min(kLongestDelay, kFirstDelay * (1 << std::min(slot.stillborn, 10U)));
    ++slot.stillborn;
    slot.due = base::Monotonic::now() + delay;
}

void Crew::empty_place(std::size_t index) {
    if (const auto emptied = empty_directory(places_.directory(index)); !emptied)
        base::log::event(base::log::kUnsafe, "the temporary directory of scanner worker {} cannot be emptied: {}",
                         index, emptied.error().message);
}

milliseconds Crew::start_due() {
    milliseconds next{-1};
    if (control_ < 0)
        return next;
    const auto now = base::Monotonic::now();
    for (std::size_t index = 0; index < slots_.size(); ++index) {
        auto& slot = slots_[index];
        if (slot.pid > 0 || (slot.due <= now && start(index)))
            continue;
        const auto wait = std::chrono::ceil<milliseconds>(slot.due - now);
        next = next.count() < 0 ? wait : std::min(next, wait);
    }
    return next;
}

bool Crew::start(std::size_t index) {
    auto& slot = slots_[index];
    auto ends = base::make_channel();
    if (!ends) {
        wait_longer(slot);
        return false;
    }
    ready_[index] = false;
    const pid_t zygote = ::getpid();
    const pid_t pid = ::fork();
    if (pid == 0) {
        die_with(zygote);
        ends->first.reset();
        plan_.temporary_directory = places_.directory(index);
        run_worker(std::move(ends->second), plan_, scanners_, ready_[index]);
    }
    if (pid < 0) {
        base::log::event(base::log::kWorkerLost, "{}", base::errno_error("cannot fork a scanner worker").message);
        wait_longer(slot);
        return false;
    }
    slot.pid = pid;
    slot.serial = ++last_serial_;
    if (control_ < 0)
        slot.channel = std::move(ends->first);
    else
        hand_over(slot, index, ends->first.get());
    return true;
}

void Crew::hand_over(const Slot& slot, std::size_t index, int channel) {
    const wire::Worker worker{static_cast<std::uint32_t>(index), slot.serial, static_cast<std::uint32_t>(slot.pid)};
    if (!base::send_packet(control_, wire::encode(worker), {channel}))
        ::kill(slot.pid,
               SIGKILL);  // the proxy is gone or stuck; the worker counts as stillborn or sees its channel's end
}

}  // namespace scanners
