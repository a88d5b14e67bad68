// SIGHUP: the file is read again and a new engine is loaded beside the old one; then all of it is in use, or nothing.
//
//   begin_reload     reads and checks; a new zygote starts to load
//   on_engine_outcome  it has, or cannot: new signatures are then refused, and with them settings that need a new
//   engine ask_proxy        the proxy takes the configuration, or says why not apply_reload     it has: from now on
//   configuration and engine are the new ones
#include "base/log.hpp"
#include "config/load.hpp"
#include "supervisor/supervisor.hpp"

namespace supervisor {
namespace {

constexpr std::chrono::seconds kAnswerPatience{30};

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
    auto loaded = load_configuration(options_.configuration_file, options_.foreground);
    for (const auto& warning : loaded.warnings)
        base::log::event(base::log::kConfigWarning, "{}", warning);
    for (const auto& error : loaded.errors)
        base::log::event(base::log::kReloadRefused, "{}", error);
    if (!loaded.configuration)
        return;
    const auto keys = config::changed_without_restart(configuration_.settings, loaded.configuration->settings);
    if (!keys.empty()) {
        base::log::event(base::log::kReloadRefused, "only a restart can change {}", join(keys));
        return;
    }
    manager_.tell_reloading();
    reload_.emplace(Reload{std::move(*loaded.configuration), {}, std::nullopt});
    zygote_start_at_.reset();
    if (const auto loading = zygotes_.load(reload_->wanted.text.get()); !loading)
        on_engine_outcome({false, loading.error().message});
}

void Supervisor::on_engine_outcome(const Zygotes::Outcome& outcome) {
    if (outcome.loaded)
        return ask_proxy();
    reload_->engine_failure = outcome.text;
    if (config::scanner_settings_differ(configuration_.settings, reload_->wanted.settings))
        return refuse_reload("the scanner cannot start with it: " + outcome.text);
    base::log::event(base::log::kReloadRefused, "the old signatures stay: {}", outcome.text);
    ask_proxy();
}

void Supervisor::ask_proxy() {
    // A proxy that is about to be started anew starts with it.
    if (!proxy_ || !proxy_ready_)
        return apply_reload();
    if (const auto sent = proxy_->send("C", {reload_->wanted.text.get(), reload_->wanted.tls.get()}); !sent)
        return refuse_reload("the proxy cannot be told: " + sent.error().message);
    reload_->answer_by = base::Monotonic::now() + kAnswerPatience;
}

void Supervisor::apply_reload() {
    // The older scanners were started with the older limits.
    const auto scan_time = std::max(configuration_.settings.scan_timeout, reload_->wanted.settings.scan_timeout);
    const bool new_engine = reload_->engine_failure.empty();
    configuration_ = std::move(reload_->wanted);
    base::log::set_level(configuration_.settings.log_level);
    if (new_engine) {
        zygotes_.promote(scan_time);
        connect_proxy_to_scanners();
    }
    base::log::event(base::log::kReloaded, "{}; signatures: {}", options_.configuration_file,
                     new_engine ? zygotes_.signatures() : "as before, " + zygotes_.signatures());
    end_reload();
}

void Supervisor::refuse_reload(const std::string& why) {
    base::log::event(base::log::kReloadRefused, "{}: {}; the old configuration and signatures stay",
                     options_.configuration_file, why);
    zygotes_.give_up_loading();
    end_reload();
}

void Supervisor::end_reload() {
    reload_.reset();
    manager_.tell("READY=1");
    // It was put off, or the reload took the place of a start.
    if (!zygotes_.serving() && !zygotes_.loading())
        zygote_start_at_ = base::Monotonic::now();
    if (std::exchange(reload_again_, false))
        begin_reload();
}

}  // namespace supervisor
