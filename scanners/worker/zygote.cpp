// The zygote (role "zygote"): loads the engines once, then forks and buries workers for a proxy. Packets with the
// supervisor: proxy/roles.hpp; with the proxy: wire.hpp. One thread, poll(2), no libevent: nothing of a loop may be
// shared with the workers. It never reads a byte of mail.
#include <poll.h>
#include <sched.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <ctime>
#include <optional>
#include <thread>

#include "base/channel.hpp"
#include "base/log.hpp"
#include "config/settings.hpp"
#include "roles.hpp"
#include "scanners/attachment/open.hpp"
#include "scanners/clamav/clamav_scanner.hpp"
#include "scanners/content/expressions.hpp"
#include "scanners/content/language.hpp"
#include "scanners/worker/charsets.hpp"
#include "scanners/worker/crew.hpp"
#include "scanners/worker/isolation.hpp"
#ifdef SANDWICH_TEST_HOOKS
#include "scanners/testing/fault.hpp"
#endif

namespace scanners {
namespace {

constexpr unsigned kMaxWorkers = 256;

unsigned worker_count(const config::Settings& settings) {
    const unsigned wanted = settings.worker_count > 0 ? settings.worker_count : std::thread::hardware_concurrency();
    return std::clamp(wanted, 1U, kMaxWorkers);
}

Scanners make_scanners(const config::Settings& settings) {
    Scanners scanners;
    if (settings.clamav.enable)
        scanners.push_back(std::make_unique<clamav::ClamavScanner>(settings.clamav, settings.scan_timeout));
#ifdef SANDWICH_TEST_HOOKS
    scanners.push_back(std::make_unique<testing::FaultScanner>());
#endif
    return scanners;
}

// What the engines judge by, for log and report. Error: text for the administrator.
base::Result<std::string> load(Scanners& scanners) {
    std::string signatures;
    for (auto& scanner : scanners) {
        if (auto loaded = scanner->load(); !loaded)
            return loaded.error();
        if (!signatures.empty())
            signatures += "; ";
        signatures += scanner->signatures();
    }
    return signatures.empty() ? "none" : signatures;
}

// Things that the C library opens files for at first use, and that no worker could open any more.
void warm_up() {
    ::tzset();
    if (load_charsets() == 0)
        base::log::event(
            base::log::kUnsafe,
            "no character set converter could be loaded: libclamav will miss what stands in other character "
            "sets than its own (package libc-bin)");
}

SandboxSupport check_sandbox(const config::Settings& settings) {
    const auto support = sandbox_support();
    if (!settings.sandbox) {
        base::log::event(base::log::kUnsafe, "sandbox=no: scanner workers run without Landlock and seccomp");
        return support;
    }
    if (support.landlock == 0)
        base::log::event(
            base::log::kUnsafe,
            "this system has no Landlock: a scanner worker under attack could read what scan_user may read");
    if (!support.seccomp)
        base::log::event(base::log::kUnsafe,
                         "this system has no seccomp: a scanner worker under attack could use every system call");
    return support;
}

WorkerPlan plan_for(const config::Settings& settings) {
    WorkerPlan plan;
    plan.limits = {settings.worker_memory_limit, settings.worker_tmp_size};
    plan.sandbox = settings.sandbox;
    plan.support = check_sandbox(settings);
    plan.scan_time = settings.scan_timeout;
    plan.content_limits = settings.content_limits;
    return plan;
}

// Nothing: the policy has none. Error: every pattern that is wrong, a line each.
base::Result<std::optional<content::Expressions>> compile_expressions(const config::Settings& settings) {
    if (!settings.policy || settings.policy->expressions.empty())
        return std::optional<content::Expressions>();
    auto compiled = content::Expressions::compile(settings.policy->expressions);
    if (!compiled)
        return compiled.error();
    return std::optional(std::move(*compiled));
}

// Nothing: the policy asks for no language.
base::Result<std::optional<content::Languages>> load_languages(const config::Settings& settings) {
    if (!settings.policy || !settings.policy->wanted.language)
        return std::optional<content::Languages>();
    auto loaded = content::Languages::load();
    if (!loaded)
        return loaded.error();
    return std::optional(std::move(*loaded));
}

base::UniqueFd watch_signals() {
    sigset_t watched;
    ::sigemptyset(&watched);
    ::sigaddset(&watched, SIGCHLD);
    ::sigaddset(&watched, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &watched, nullptr);
    // From a terminal these reach every process of the daemon; what they mean is the supervisor's to say.
    ::signal(SIGINT, SIG_IGN);
    ::signal(SIGHUP, SIG_IGN);
    return base::UniqueFd(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
}

class Zygote {
  public:
    Zygote(int supervisor, std::string signatures, Crew& crew)
        : supervisor_(supervisor), signatures_(std::move(signatures)), crew_(crew), signals_(watch_signals()) {}

    // Until the supervisor is gone or SIGTERM comes.
    void run() {
        while (!ending_) {
            std::array<pollfd, 3> watched{pollfd{supervisor_, POLLIN, 0}, pollfd{signals_.get(), POLLIN, 0},
                                          pollfd{control_ ? control_.get() : -1, POLLIN, 0}};
            const auto wait = crew_.start_due();
            if (::poll(watched.data(), watched.size(), static_cast<int>(wait.count())) <= 0)
                continue;
            if (watched[0].revents != 0)
                on_supervisor();
            else if (watched[2].revents != 0)
                on_proxy();
            if (watched[1].revents != 0)
                on_signals();
        }
        crew_.dismiss();
    }

  private:
    void on_signals() {
        signalfd_siginfo info{};
        bool child = false;
        while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
            child = child || info.ssi_signo == SIGCHLD;
            ending_ = ending_ || info.ssi_signo == SIGTERM;
        }
        if (child)
            crew_.bury();
    }

    void on_supervisor() {
        base::Packet packet;
        const auto received = base::receive_packet(supervisor_, packet, false);
        if (received == base::Received::kEnd) {
            ending_ = true;
        } else if (received == base::Received::kPacket && packet.bytes == "S" && packet.descriptors.size() == 1) {
            if (control_)
                crew_.dismiss();  // an earlier proxy's; those that were prepared are for this one
            control_ = std::move(packet.descriptors[0]);
            if (base::send_packet(control_.get(), wire::encode_greeting(signatures_)))
                crew_.serve(control_.get());
        }
    }

    void on_proxy() {
        base::Packet packet;
        const auto received = base::receive_packet(control_.get(), packet, false);
        if (received == base::Received::kEnd) {
            crew_.dismiss();
            control_.reset();
        } else if (received == base::Received::kPacket) {
            if (const auto order = wire::decode_kill(packet.bytes))
                crew_.kill(*order);
        }
    }

    int supervisor_;
    std::string signatures_;
    Crew& crew_;
    base::UniqueFd signals_;
    base::UniqueFd control_;
    bool ending_ = false;
};

// Beside another that serves: its workers are made before it is asked for them, so that no mail waits for that, but not
// before the supervisor has taken this process out of the lowest scheduling class, which they would inherit. False: the
// supervisor is gone.
bool prepare_beside_another(int supervisor, Crew& crew) {
    if (::sched_getscheduler(0) != SCHED_IDLE)
        return true;
    base::Packet packet;
    if (!base::send_packet(supervisor, "L") ||
        base::receive_packet(supervisor, packet, true) != base::Received::kPacket || packet.bytes != "F")
        return false;
    crew.prepare();
    return true;
}

// Without the destructors of what was loaded: libclamav gives an engine back piece by piece, a second of one core for
// what the system takes back at once, and at a reload that would be a second in which mails wait.
[[noreturn]] void end(base::Result<WorkPlaces>& places) {
    { const auto removed = std::move(*places); }
    ::_exit(0);
}

int refuse(int supervisor, const std::string& reason) {
    base::log::event(base::log::kStartFailed, "scanner: {}", reason);
    // Too long a text would not be sent at all.
    const auto sent = base::send_packet(supervisor, std::string("E").append(reason, 0, 4000));
    return sent ? 1 : 2;
}

}  // namespace
}  // namespace scanners

namespace roles {

int run_zygote(const config::Settings& settings) {
    using namespace scanners;
    auto places = isolate(settings, worker_count(settings));
    if (!places)
        return refuse(kSupervisorFd, places.error().message);
    warm_up();
    auto scanners = make_scanners(settings);
    const auto signatures = load(scanners);
    if (!signatures)
        return refuse(kSupervisorFd, signatures.error().message);
    if (auto tables = attachment::load(); !tables)
        return refuse(kSupervisorFd, tables.error().message);
    const auto expressions = compile_expressions(settings);
    if (!expressions)
        return refuse(kSupervisorFd, expressions.error().message);
    const auto languages = load_languages(settings);
    if (!languages)
        return refuse(kSupervisorFd, languages.error().message);
    auto plan = plan_for(settings);
    plan.expressions = expressions->has_value() ? &**expressions : nullptr;
    plan.languages = languages->has_value() ? &**languages : nullptr;
    if (settings.policy) {
        plan.wanted = settings.policy->wanted;
        plan.expression_set = settings.policy->expression_set;
    }
    Crew crew(std::move(plan), scanners, *places);
    Zygote zygote(kSupervisorFd, *signatures, crew);
    if (!prepare_beside_another(kSupervisorFd, crew))
        return 0;
    base::log::event(base::log::kStarted, "scanner: {}", *signatures);
    if (!base::send_packet(kSupervisorFd, std::string("R").append(*signatures)))
        return 0;  // the supervisor is gone already
    zygote.run();
    end(places);
}

}  // namespace roles
