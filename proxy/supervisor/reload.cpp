// SIGHUP: the file is read again and a new engine is loaded beside the old one; then all of it is in use, or nothing.
// Signatures that have changed take the same way, without a file.
//
// * begin_reload reads and checks the file, begin_signature_reload has none; a new zygote starts to load.
// * on_engine_outcome: it has, or it cannot; then the new signatures are refused, and with them settings that need a
//   new engine.
// * ask_proxy: the proxy takes the configuration, or says why not.
// * apply_reload: from here on configuration and engine are the new ones.
#include "base/log.hpp"
#include "config/load.hpp"
#include "supervisor/supervisor.hpp"

namespace supervisor {
namespace {

constexpr std::chrono::seconds kAnswerPatience{30};
constexpr std::size_t kMaxRemembered = 500;  // octets of what the status says of the last reload

std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words)
        text += (text.empty() ? "" : ", ") + word;
    return text;
}

}  // namespace

void Supervisor::begin_reload() {
    if (phase_ != Phase::kRunning)
        return;
    if (reload_) {
        reload_again_ = true;
        return;
    }
    auto loaded = load_configuration(options_.configuration_file, {.log_to_stderr = options_.foreground});
    for (const auto& warning : loaded.warnings)
        base::log::event(base::log::kConfigWarning, "{}", warning);
    for (const auto& error : loaded.errors)
        base::log::event(base::log::kReloadRefused, "{}", error);
    if (!loaded.configuration)
        return remember_reload(fmt::format("refused: {}", loaded.errors.front()));
    const auto keys = config::changed_without_restart(configuration_.settings, loaded.configuration->settings);
    if (!keys.empty()) {
        base::log::event(base::log::kReloadRefused, "only a restart can change {}", join(keys));
        return remember_reload(fmt::format("refused: only a restart can change {}", join(keys)));
    }
    if (const auto able = Commands::check(loaded.configuration->settings); !able) {
        base::log::event(base::log::kReloadRefused, "original_user: {}", able.error().message);
        return remember_reload(fmt::format("refused: original_user: {}", able.error().message));
    }
    manager_.tell_reloading();
    reload_.emplace(Reload{std::move(*loaded.configuration), {}, std::nullopt, false});
    load_beside();
}

// The file is left alone: what stands in it is in use when somebody says so.
void Supervisor::begin_signature_reload() {
    reload_.emplace(Reload{std::nullopt, {}, std::nullopt, false});
    load_beside();
}

void Supervisor::load_beside() {
    zygote_start_at_.reset();
    watch_signatures();
    // Before it reads them: what changes while it does is loaded the next time.
    signature_watch_.loading();
    const auto& configuration = reload_->wanted ? *reload_->wanted : configuration_;
    if (const auto loading = zygotes_.load(configuration.text.get()); !loading)
        on_engine_outcome({false, loading.error().message});
}

void Supervisor::on_engine_outcome(const Zygotes::Outcome& outcome) {
    if (!outcome.loaded) {
        reload_->engine_failure = outcome.text;
        if (reload_->wanted && config::scanner_settings_differ(configuration_.settings, reload_->wanted->settings))
            return refuse_reload("the scanner cannot start with it: " + outcome.text);
        base::log::event(base::log::kReloadRefused, "the old signatures stay: {}", outcome.text);
    }
    if (reload_->wanted)
        return ask_proxy();
    apply_reload();
}

void Supervisor::ask_proxy() {
    // A proxy that is about to be started anew starts with it.
    if (!proxy_ || !proxy_ready_)
        return apply_reload();
    const auto& wanted = *reload_->wanted;
    // With its scanners, so that no mail is judged by rules that they do not know.
    auto scanners = base::Result<base::UniqueFd>(base::UniqueFd());
    if (reload_->engine_failure.empty())
        scanners = zygotes_.connect_loaded();
    if (!scanners)
        return refuse_reload("the scanner cannot be reached: " + scanners.error().message);
    const auto sent = *scanners
                          ? proxy_->send(fmt::format("C{} {} {}", generation_ + 1, zygotes_.loaded_generation(),
                                                     zygotes_.loaded_signatures()),
                                         {wanted.text.get(), wanted.tls.get(), scanners->get()})
                          : proxy_->send(fmt::format("C{}", generation_ + 1), {wanted.text.get(), wanted.tls.get()});
    if (!sent)
        return refuse_reload("the proxy cannot be told: " + sent.error().message);
    reload_->proxy_has_scanners = scanners->get() >= 0;
    reload_->answer_by = base::Monotonic::now() + kAnswerPatience;
}

void Supervisor::apply_reload() {
    // The older scanners were started with the older limits.
    auto scan_time = configuration_.settings.scan_timeout;
    const bool new_engine = reload_->engine_failure.empty();
    const bool new_configuration = reload_->wanted.has_value();
    if (new_configuration) {
        scan_time = std::max(scan_time, reload_->wanted->settings.scan_timeout);
        const bool new_runner = Runners::differ(configuration_.settings, reload_->wanted->settings);
        configuration_ = std::move(*reload_->wanted);
        // A user who has vanished since it was looked for keeps mail waiting, with the reason in the log.
        static_cast<void>(commands_.configure(configuration_.settings));
        if (new_runner)
            start_runner();
        ++generation_;
        base::log::set_level(configuration_.settings.log_level);
    }
    if (new_engine) {
        zygotes_.promote(scan_time);
        if (!reload_->proxy_has_scanners)
            connect_proxy_to_scanners();
    }
    const auto in_use =
        fmt::format("{}signatures: {}{}; generation {}/{}", new_configuration ? options_.configuration_file + "; " : "",
                    new_engine ? "" : "as before, ", zygotes_.signatures(), generation_, zygotes_.generation());
    if (new_engine || new_configuration)
        base::log::event(base::log::kReloaded, "{}", in_use);
    remember_reload(new_engine ? "in use: " + in_use
                               : fmt::format("refused: the old signatures stay: {}", reload_->engine_failure));
    end_reload();
}

void Supervisor::refuse_reload(const std::string& why) {
    base::log::event(base::log::kReloadRefused, "{}: {}; the old configuration and signatures stay",
                     options_.configuration_file, why);
    remember_reload(fmt::format("refused: {}: {}", options_.configuration_file, why));
    zygotes_.give_up_loading();
    end_reload();
}

void Supervisor::end_reload() {
    reload_.reset();
    watch_signatures();
    manager_.tell("READY=1");
    // It was put off, or the reload took the place of a start.
    if (!zygotes_.serving() && !zygotes_.loading())
        zygote_start_at_ = base::Monotonic::now();
    if (std::exchange(reload_again_, false))
        begin_reload();
}

// The directories of the configuration that is in use, or on its way.
void Supervisor::watch_signatures() {
    const auto& settings = reload_ && reload_->wanted ? reload_->wanted->settings : configuration_.settings;
    const auto& clamav = settings.clamav;
    std::vector<std::string> directories;
    if (clamav.enable)
        directories.push_back(clamav.database);
    if (clamav.enable && clamav.allow_test_signatures)
        directories.push_back(clamav.test_signatures);
    const auto interval = clamav.enable ? clamav.watch_interval : std::chrono::seconds(0);
    signature_watch_.set(std::move(directories), interval, base::Monotonic::now());
}

void Supervisor::remember_reload(const std::string& how) {
    last_reload_ =
        fmt::format("{} {}", base::iso8601(base::Wall::now()), base::log::escape(how).substr(0, kMaxRemembered));
    tell_proxy_of_reload();
}

void Supervisor::tell_proxy_of_reload() {
    // A proxy that cannot be told is gone, and the next one is told when it starts.
    if (proxy_ && !last_reload_.empty())
        static_cast<void>(proxy_->send("L" + last_reload_));
}

}  // namespace supervisor
