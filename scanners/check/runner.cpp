// The runner (role "runner"): starts check programs for the proxy. Packets with the supervisor: proxy/roles.hpp; with
// the proxy: wire.hpp. One thread, poll(2). It reads no byte of mail.
//
// It is locked in as the scanners are (isolation.hpp): its own network namespace without any network, scan_user, a
// tmpfs for each program that runs. Started by root it is the first process of a process namespace, too: its programs
// see no process but their own, and none outlives it.
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <memory>
#include <optional>
#include <utility>

#include "base/channel.hpp"
#include "base/log.hpp"
#include "config/settings.hpp"
#include "roles.hpp"
#include "scanners/check/program.hpp"
#include "scanners/check/wire.hpp"
#include "scanners/worker/isolation.hpp"
#include "scanners/worker/temporary_directory.hpp"

namespace scanners::check {
namespace {

using base::Monotonic;

constexpr std::size_t kMaxPlaces = 256;

base::Result<std::vector<Plan>> plans_of(const config::Settings& settings, std::size_t& places) {
    std::vector<Plan> plans;
    for (const auto& scanner : settings.other_scanners) {
        if (!scanner.enable || scanner.kind != config::ScannerKind::kCheck)
            continue;
        auto program = config::parse_program(scanner.program);
        if (!program)
            return program.error();
        plans.push_back({scanner.id(), std::move(*program), scanner.message == config::MessageAs::kFile,
                         settings.worker_memory_limit, settings.worker_tmp_size});
        places += scanner.max_connections;
    }
    places = std::min(places, kMaxPlaces);
    return plans;
}

base::UniqueFd watch_signals() {
    sigset_t watched;
    sigemptyset(&watched);
    sigaddset(&watched, SIGCHLD);
    sigaddset(&watched, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &watched, nullptr);
    ::signal(SIGINT, SIG_IGN);
    ::signal(SIGHUP, SIG_IGN);
    ::signal(SIGPIPE, SIG_IGN);
    return base::UniqueFd(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
}

class Runner {
  public:
    Runner(std::vector<Plan> plans, const WorkPlaces& places)
        : plans_(std::move(plans)), places_(places), signals_(watch_signals()), running_(places.size()) {
        // What a program leaves behind comes to us, and is killed.
        ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    }

    // Until the supervisor is gone, SIGTERM comes, or it was told to leave and has nothing left to do.
    void run() {
        while (!ending_ && !(leaving_ && !control_ && none_runs())) {
            std::vector<pollfd> watched{{roles::kSupervisorFd, POLLIN, 0},
                                        {signals_.get(), POLLIN, 0},
                                        {control_ ? control_.get() : -1, POLLIN, 0}};
            for (const auto& one : running_)
                watched.push_back({one ? one->program.output() : -1, POLLIN, 0});
            ::poll(watched.data(), watched.size(), patience());
            on_signals();
            for (auto& one : running_)
                if (one)
                    one->program.read_output();
            kill_late();
            on_supervisor();
            while (control_ && on_proxy()) {
            }
        }
        stop_all();
    }

  private:
    struct Running {
        std::uint32_t serial = 0;
        Program program;
    };

    [[nodiscard]] bool none_runs() const {
        return std::none_of(running_.begin(), running_.end(), [](const auto& one) { return one.has_value(); });
    }

    [[nodiscard]] int patience() const {
        int least = 3600 * 1000;
        for (const auto& one : running_) {
            if (!one)
                continue;
            const auto left =
                std::chrono::ceil<std::chrono::milliseconds>(one->program.deadline() - Monotonic::now()).count();
            least = std::clamp(static_cast<int>(std::min<std::int64_t>(left, least)), 0, least);
        }
        return least;
    }

    void kill_late() {
        const auto now = Monotonic::now();
        for (auto& one : running_)
            if (one && now >= one->program.deadline())
                one->program.kill(true);
    }

    void stop_all() {
        for (auto& one : running_)
            if (one)
                one->program.kill(false);
    }

    void on_signals() {
        signalfd_siginfo info{};
        while (::read(signals_.get(), &info, sizeof info) == sizeof info)
            ending_ = ending_ || info.ssi_signo == SIGTERM;
        int status = 0;
        for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;)
            bury(pid, status);
        kill_strays();
    }

    // Processes that have left their program's group and outlived it. They are told from those that run only when
    // nothing does; until then they have no more than their program had.
    void kill_strays() const {
        if (!none_runs())
            return;
        if (::getpid() == 1) {
            ::kill(-1, SIGKILL);  // everything in the namespace but ourselves
            return;
        }
        std::ifstream children("/proc/thread-self/children");
        for (pid_t pid = 0; children >> pid;)
            ::kill(pid, SIGKILL);
    }

    void bury(pid_t pid, int status) {
        for (std::size_t i = 0; i < running_.size(); ++i) {
            if (!running_[i] || running_[i]->program.pid() != pid)
                continue;
            answer({running_[i]->serial, running_[i]->program.ended(status)});
            running_[i].reset();
            // What could not be removed is in the way of the next program's file, which then says so.
            static_cast<void>(empty_directory(places_.directory(i)));
            return;
        }
    }

    void on_supervisor() {
        base::Packet packet;
        const auto received = base::receive_packet(roles::kSupervisorFd, packet, false);
        if (received == base::Received::kEnd) {
            ending_ = true;
        } else if (received == base::Received::kPacket && packet.bytes == "S" && packet.descriptors.size() == 1) {
            stop_all();
            control_ = std::move(packet.descriptors.front());
        } else if (received == base::Received::kPacket && packet.bytes == "L") {
            leaving_ = true;
        }
    }

    // False: nothing more is there.
    bool on_proxy() {
        base::Packet packet;
        const auto received = base::receive_packet(control_.get(), packet, false);
        if (received == base::Received::kNothing)
            return false;
        auto job = received == base::Received::kPacket ? decode_job(packet.bytes) : std::nullopt;
        if (!job || packet.descriptors.size() != 1) {
            stop_all();
            control_.reset();
            return false;
        }
        start(*job, std::move(packet.descriptors.front()));
        return true;
    }

    void start(const Job& job, base::UniqueFd message) {
        const auto plan =
            std::find_if(plans_.begin(), plans_.end(), [&](const Plan& one) { return one.name == job.name; });
        const auto place = std::find_if(running_.begin(), running_.end(), [](const auto& one) { return !one; });
        if (plan == plans_.end() || place == running_.end())
            return answer({job.serial,
                           {Ending::Kind::kNotStarted, 0,
                            plan == plans_.end() ? "the runner does not know the program" : "too many programs run"}});
        const auto slot = static_cast<std::size_t>(place - running_.begin());
        auto program = Program::start(*plan, std::move(message), places_.directory(slot), job.time);
        if (!program)
            return answer({job.serial, {Ending::Kind::kNotStarted, 0, program.error().message}});
        place->emplace(Running{job.serial, std::move(*program)});
    }

    void answer(const Answer& answer) {
        // A proxy that does not read its answers is gone, or soon will be.
        if (control_)
            static_cast<void>(base::send_packet(control_.get(), encode(answer)));
    }

    std::vector<Plan> plans_;
    const WorkPlaces& places_;
    base::UniqueFd signals_;
    base::UniqueFd control_;
    std::vector<std::optional<Running>> running_;
    bool leaving_ = false;
    bool ending_ = false;
};

// Goes on in a child that is the first process of a process namespace; what is left here waits for its end, and returns
// its exit status. Empty: this is the child, or there is no such namespace to be had.
std::optional<int> enter_process_namespace() {
    if (::geteuid() != 0)
        return std::nullopt;
    if (::unshare(CLONE_NEWPID) != 0) {
        base::log::event(
            base::log::kUnsafe,
            "check programs have no process namespace of their own: they can reach the processes of scan_user");
        return std::nullopt;
    }
    const pid_t child = ::fork();
    if (child < 0) {
        base::log::event(base::log::kStartFailed, "check programs: {}", base::errno_error("fork").message);
        return 1;
    }
    if (child == 0)
        return std::nullopt;
    for (const int number : {SIGINT, SIGHUP, SIGTERM})
        ::signal(number, SIG_IGN);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace
}  // namespace scanners::check

namespace roles {

int run_runner(const config::Settings& settings) {
    using namespace scanners;
    std::size_t wanted = 0;
    auto plans = check::plans_of(settings, wanted);
    if (!plans) {
        base::log::event(base::log::kStartFailed, "check programs: {}", plans.error().message);
        return 1;
    }
    if (const auto status = check::enter_process_namespace())
        return *status;
    const auto places = isolate(settings, static_cast<unsigned>(std::max<std::size_t>(wanted, 1)));
    if (!places) {
        base::log::event(base::log::kStartFailed, "check programs: {}", places.error().message);
        return 1;
    }
    // Only now: the change of user takes it back. Should the process that waits for us have died before, the supervisor
    // closes its channel.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    check::Runner(std::move(*plans), *places).run();
    return 0;
}

}  // namespace roles
