#include "supervisor/supervisor.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <utility>

#include "base/log.hpp"
#include "supervisor/directories.hpp"
#include "supervisor/listeners.hpp"

namespace supervisor {
namespace {

constexpr std::chrono::seconds kBindPatience{3};
constexpr std::chrono::seconds kDrainPatience{30};  // for the proxy, from SIGTERM to its end
constexpr std::chrono::seconds kZygotePatience{5};  // for the scanners, after the proxy's end

bool keeps_stderr(const Options& options, const Configuration& configuration) {
    return options.foreground || configuration.settings.log_target == base::log::Target::kStderr;
}

std::string join(const std::vector<config::ListenSocket>& sockets) {
    std::string text;
    for (const auto& socket : sockets)
        text += (text.empty() ? "" : ", ") + socket.address.to_string();
    return text;
}

}  // namespace

int run(const Options& options) {
    auto loaded = load_configuration(options.configuration_file, {.log_to_stderr = options.foreground});
    for (const auto* texts : {&loaded.errors, &loaded.warnings})
        for (const auto& text : *texts)
            fmt::print(stderr, "{}\n", text);
    if (!loaded.configuration)
        return 1;
    ServiceManager manager;
    auto readiness = Readiness::detach(options.foreground);
    if (!readiness) {
        fmt::print(stderr, "sandwichd: {}\n", readiness.error().message);
        return 1;
    }
    const auto& settings = loaded.configuration->settings;
    base::log::open(settings.log_target, settings.log_ident, settings.log_level);
    if (settings.log_target != base::log::Target::kStderr)
        for (const auto& warning : loaded.warnings)
            base::log::event(base::log::kConfigWarning, "{}", warning);
    return Supervisor(options, std::move(*loaded.configuration), std::move(*readiness), std::move(manager)).run();
}

Supervisor::Supervisor(Options options, Configuration configuration, Readiness readiness, ServiceManager manager)
    : options_(std::move(options)),
      configuration_(std::move(configuration)),
      readiness_(std::move(readiness)),
      manager_(std::move(manager)),
      zygotes_(configuration_.settings.log_target == base::log::Target::kStderr,
               keeps_stderr(options_, configuration_)),
      runners_(configuration_.settings.log_target == base::log::Target::kStderr,
               keeps_stderr(options_, configuration_)),
      commands_(keeps_stderr(options_, configuration_)) {}

Supervisor::~Supervisor() {
    if (control_socket_made_)
        ::unlink(configuration_.settings.control_socket.c_str());
    if (socketmap_made_)
        ::unlink(configuration_.settings.directory.socketmap_address.path.c_str());
}

int Supervisor::run() {
    if (auto prepared = prepare(); !prepared)
        fail_start(prepared.error().message);
    else {
        watch_signatures();
        load_zygote();
    }
    while (!ended()) {
        wait_for_something();
        on_signals();
        zygotes_.tend(base::Monotonic::now());
        runners_.tend(base::Monotonic::now());
        commands_.tend(base::Monotonic::now());
        while (proxy_) {
            const auto packet = proxy_->receive();
            if (!packet)
                break;
            on_proxy_packet(*packet);
        }
        reap();
        while (const auto outcome = zygotes_.outcome())
            on_zygote_outcome(*outcome);
        on_due_times();
    }
    if (exit_status_ == 0)
        base::log::event(base::log::kStopped, "sandwichd {}", SANDWICH_VERSION);
    return exit_status_;
}

// Everything that may fail before another process is started.
base::Status Supervisor::prepare() {
    const auto& settings = configuration_.settings;
    // First, so that no signal leaves a pid file or a socket behind.
    if (auto taken = take_signals(); !taken)
        return taken;
    std::optional<SocketOwner> socket_owner;
    if (::geteuid() == 0) {
        auto account = find_account(settings.user);
        if (!account)
            return account.error();
        if (auto scan_account = find_account(settings.scan_user); !scan_account)
            return scan_account.error();
        const auto group = find_group(settings.group);
        if (!group)
            return group.error();
        socket_owner = SocketOwner{account->uid, *group};
        account_ = std::move(*account);
    }
    if (auto configured = commands_.configure(settings); !configured)
        return base::error("original_user: {}", configured.error().message);
    if (auto made = make_directories(settings, account_); !made)
        return made;
    auto pid_file = PidFile::lock(settings.pid_file);
    if (!pid_file)
        return pid_file.error();
    pid_file_.emplace(std::move(*pid_file));
    for (const auto& socket : settings.sockets) {
        auto listener = listen_tcp(socket.address, kBindPatience);
        if (!listener)
            return listener.error();
        listeners_.push_back(std::move(*listener));
    }
    auto control = listen_control(settings.control_socket, socket_owner);
    if (!control)
        return control.error();
    control_socket_made_ = true;
    listeners_.push_back(std::move(*control));
    return listen_for_questions();
}

base::Status Supervisor::listen_for_questions() {
    const auto& address = configuration_.settings.directory.socketmap_address;
    if (!address.listens())
        return base::ok();
    auto listener = address.address ? listen_tcp(*address.address, kBindPatience) : listen_for_all(address.path);
    if (!listener)
        return base::error("socketmap: {}", listener.error().message);
    socketmap_made_ = !address.path.empty();
    listeners_.push_back(std::move(*listener));
    return base::ok();
}

base::Status Supervisor::take_signals() {
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGUSR1, SIG_IGN);
    sigset_t wanted;
    sigemptyset(&wanted);
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD})
        sigaddset(&wanted, number);
    if (::sigprocmask(SIG_BLOCK, &wanted, nullptr) != 0)
        return base::errno_error("sigprocmask");
    signals_.reset(::signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!signals_)
        return base::errno_error("signalfd");
    return base::ok();
}

void Supervisor::fail_start(const std::string& why) {
    base::log::event(base::log::kStartFailed, "{}", why);
    if (configuration_.settings.log_target != base::log::Target::kStderr)
        fmt::print(stderr, "sandwichd: {}\n", why);
    exit_status_ = 1;
    phase_ = Phase::kStopping;
    if (proxy_)
        proxy_->kill_now();
    zygotes_.kill_all();
    runners_.kill_all();
    commands_.kill_all();
}

void Supervisor::become_ready() {
    phase_ = Phase::kRunning;
    if (auto written = pid_file_->write(); !written)
        return fail_start(written.error().message);
    base::log::event(base::log::kStarted, "sandwichd {}, listening on {}; signatures: {}; generation {}/{}",
                     SANDWICH_VERSION, join(configuration_.settings.sockets), zygotes_.signatures(), generation_,
                     zygotes_.generation());
    manager_.tell(fmt::format("READY=1\nMAINPID={}", ::getpid()));
    readiness_.announce(keeps_stderr(options_, configuration_));
}

void Supervisor::wait_for_something() {
    std::vector<pollfd> descriptors;
    if (signals_)
        descriptors.push_back({signals_.get(), POLLIN, 0});
    zygotes_.watch(descriptors);
    runners_.watch(descriptors);
    std::optional<base::Monotonic::time_point> first = zygotes_.due();
    const auto consider = [&first](std::optional<base::Monotonic::time_point> when) {
        if (when)
            first = first ? std::min(*first, *when) : *when;
    };
    consider(runners_.due());
    consider(commands_.due());
    consider(runner_start_at_);
    consider(proxy_start_at_);
    consider(zygote_start_at_);
    if (reload_)
        consider(reload_->answer_by);
    if (phase_ == Phase::kRunning && !reload_)
        consider(signature_watch_.due());
    if (proxy_) {
        proxy_->watch(descriptors);
        consider(proxy_->due());
    }
    int timeout = -1;
    if (first) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(*first - base::Monotonic::now());
        timeout = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3600 * 1000));
    }
    ::poll(descriptors.data(), descriptors.size(), timeout);
}

void Supervisor::on_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        switch (info.ssi_signo) {
            case SIGTERM:
                stop("SIGTERM");
                break;
            case SIGINT:
                stop("SIGINT");
                break;
            case SIGHUP:
                begin_reload();
                break;
            default:  // SIGCHLD: reap() looks anyway
                break;
        }
    }
}

void Supervisor::reap() {
    for (;;) {
        int status = 0;
        const pid_t pid = ::waitpid(-1, &status, WNOHANG);
        if (pid <= 0)
            return;
        std::optional<std::string> died;
        if (proxy_ && proxy_->pid() == pid) {
            while (const auto packet = proxy_->receive())
                on_proxy_packet(*packet);
            proxy_->forget_pid();
            on_proxy_death(status);
        } else if (zygotes_.reaped(pid, status, died)) {
            if (died)
                on_zygote_death(*died);
        } else if (runners_.reaped(pid, status, died)) {
            if (died)
                on_runner_death(*died);
        } else {
            commands_.reaped(pid, status, proxy_ ? &*proxy_ : nullptr);
        }
    }
}

void Supervisor::on_due_times() {
    const auto now = base::Monotonic::now();
    if (proxy_)
        proxy_->kill_if_due(now);
    if (proxy_start_at_ && now >= *proxy_start_at_)
        start_proxy();
    if (zygote_start_at_ && now >= *zygote_start_at_)
        load_zygote();
    if (runner_start_at_ && now >= *runner_start_at_)
        start_runner();
    if (reload_ && reload_->answer_by && now >= *reload_->answer_by)
        refuse_reload("the proxy does not answer");
    if (phase_ == Phase::kRunning && !reload_ && signature_watch_.changed(now))
        begin_signature_reload();
}

void Supervisor::stop(const char* why) {
    if (phase_ == Phase::kStarting)
        return fail_start(fmt::format("{} came before the daemon was ready", why));
    if (phase_ == Phase::kStopping) {
        // Asked twice: at once.
        if (proxy_)
            proxy_->kill_now();
        runners_.kill_all();
        commands_.kill_all();
        return zygotes_.kill_all();
    }
    phase_ = Phase::kStopping;
    manager_.tell("STOPPING=1");
    base::log::event(base::log::kStopped, "{}: messages in work are finished first, for up to {} s", why,
                     kDrainPatience.count());
    proxy_start_at_.reset();
    zygote_start_at_.reset();
    runner_start_at_.reset();
    reload_.reset();
    zygotes_.give_up_loading();
    // Whoever connects from now on is refused at once and tries again later.
    listeners_.clear();
    if (!proxy_) {
        runners_.end_all(kZygotePatience);
        commands_.end_all(kZygotePatience);
        return zygotes_.end_all(kZygotePatience);
    }
    [[maybe_unused]] const auto told = proxy_->send("Q");
    proxy_->kill_after(kDrainPatience);
}

bool Supervisor::ended() const {
    return phase_ == Phase::kStopping && !proxy_ && zygotes_.none_left() && runners_.none_left() &&
           commands_.none_left();
}

void Supervisor::start_proxy() {
    proxy_start_at_.reset();
    std::vector<int> listeners;
    for (const auto& listener : listeners_)
        listeners.push_back(listener.get());
    listeners.push_back(configuration_.tls.get());
    auto child = Child::start({.role = "proxy",
                               .configuration = configuration_.text.get(),
                               .generation = generation_,
                               .listeners = std::move(listeners),
                               .account = account_,
                               .log_to_stderr = configuration_.settings.log_target == base::log::Target::kStderr,
                               .keep_stderr = keeps_stderr(options_, configuration_)});
    if (!child) {
        if (phase_ == Phase::kStarting)
            return fail_start("cannot start the proxy: " + child.error().message);
        const auto now = base::Monotonic::now();
        base::log::event(base::log::kChildDied, "proxy: cannot start: {}", child.error().message);
        proxy_start_at_ = proxy_backoff_.next(now, now);
        return;
    }
    proxy_ready_ = false;
    proxy_complaint_.clear();
    proxy_.emplace(std::move(*child));
    // The channel waits in the proxy's queue until it reads it.
    connect_proxy_to_scanners();
    connect_proxy_to_runner();
    tell_proxy_of_reload();
}

void Supervisor::on_proxy_packet(const base::Packet& packet) {
    const auto text = std::string_view(packet.bytes).substr(1);
    switch (packet.bytes.front()) {
        case 'R':
            proxy_ready_ = true;
            if (phase_ == Phase::kStarting)
                become_ready();
            else
                base::log::event(base::log::kStarted, "proxy");
            return;
        case 'O':
        case 'X':
            return on_command_wish(packet.bytes.front(), text);
        case 'C':
            if (reload_ && reload_->answer_by)
                apply_reload();
            return;
        case 'E':
            if (!proxy_ready_)
                proxy_complaint_ = text;
            else if (reload_ && reload_->answer_by)
                refuse_reload(std::string(text));
            return;
        default:
            return;
    }
}

// The proxy wants a process of the command in original, or needs one no more.
void Supervisor::on_command_wish(char what, std::string_view text) {
    std::uint64_t serial = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), serial);
    if (code != std::errc() || serial == 0)
        return;
    // Also while it finishes what it has begun.
    if (what == 'O')
        commands_.ask(serial, *proxy_);
    else
        commands_.give_back(serial, *proxy_);
}

void Supervisor::on_proxy_death(int status) {
    const auto started = proxy_->started();
    proxy_.reset();
    proxy_ready_ = false;
    const auto how = proxy_complaint_.empty() ? describe_status(status) : proxy_complaint_;
    commands_.proxy_ended();
    if (phase_ == Phase::kStopping) {
        runners_.end_all(kZygotePatience);
        commands_.end_all(kZygotePatience);
        return zygotes_.end_all(kZygotePatience);
    }
    if (phase_ == Phase::kStarting)
        return fail_start("the proxy cannot start: " + how);
    base::log::event(base::log::kChildDied, "proxy: {}", how);
    // A configuration in whose reception it died is not what the next one should start with.
    if (reload_ && reload_->answer_by)
        refuse_reload("the proxy ended while it took the configuration over");
    proxy_start_at_ = proxy_backoff_.next(started, base::Monotonic::now());
}

void Supervisor::load_zygote() {
    zygote_start_at_.reset();
    signature_watch_.loading();
    const auto loading = zygotes_.load(configuration_.text.get());
    if (!loading)
        on_zygote_outcome({false, loading.error().message});
}

void Supervisor::on_zygote_outcome(const Zygotes::Outcome& outcome) {
    if (phase_ == Phase::kStopping)
        return;
    if (reload_)
        return on_engine_outcome(outcome);
    if (outcome.loaded) {
        zygotes_.promote(configuration_.settings.scan_timeout);
        if (phase_ == Phase::kStarting) {
            start_runner();
            return start_proxy();
        }
        base::log::event(base::log::kStarted, "scanner; signatures: {}; generation {}/{}", outcome.text, generation_,
                         zygotes_.generation());
        return connect_proxy_to_scanners();
    }
    if (phase_ == Phase::kStarting)
        return fail_start(outcome.text);
    base::log::event(base::log::kScannerUnavailable, "{}", outcome.text);
    const auto now = base::Monotonic::now();
    zygote_start_at_ = zygote_backoff_.next(now, now);
}

void Supervisor::on_zygote_death(const std::string& how) {
    if (phase_ == Phase::kStopping)
        return;
    base::log::event(base::log::kChildDied, "scanner: {}", how);
    if (!zygotes_.loading())
        zygote_start_at_ = zygote_backoff_.next(zygotes_.serving_since(), base::Monotonic::now());
}

// Without it mail that needs it is not let through, so that a start goes on.
void Supervisor::start_runner() {
    runner_start_at_.reset();
    if (const auto started = runners_.start(configuration_.text.get(), configuration_.settings); !started)
        return on_runner_death(started.error().message);
    connect_proxy_to_runner();
}

void Supervisor::on_runner_death(const std::string& how) {
    if (phase_ == Phase::kStopping)
        return;
    base::log::event(base::log::kChildDied, "check programs: {}", how);
    runner_start_at_ = runner_backoff_.next(runners_.serving_since(), base::Monotonic::now());
}

void Supervisor::connect_proxy_to_runner() {
    if (!proxy_ || !runners_.serving())
        return;
    auto channel = runners_.connect();
    const auto sent = channel ? proxy_->send("K", {channel->get()}) : base::Status(channel.error());
    if (!sent)
        base::log::event(base::log::kScannerUnavailable, "check programs: {}", sent.error().message);
}

void Supervisor::connect_proxy_to_scanners() {
    if (!proxy_ || !zygotes_.serving())
        return;
    auto channel = zygotes_.connect();
    if (!channel) {
        base::log::event(base::log::kScannerUnavailable, "{}", channel.error().message);
        return;
    }
    const auto sent =
        proxy_->send(fmt::format("Z{} {}", zygotes_.generation(), zygotes_.signatures()), {channel->get()});
    if (!sent)
        base::log::event(base::log::kScannerUnavailable, "{}", sent.error().message);
}

}  // namespace supervisor
