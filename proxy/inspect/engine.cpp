#include "inspect/engine.hpp"

#include <poll.h>
#include <sys/wait.h>

#include <future>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "net/loop.hpp"
#include "scanners/worker/pool.hpp"
#include "supervisor/zygotes.hpp"

namespace inspect {
namespace {

constexpr std::chrono::minutes kLoading{10};
constexpr std::chrono::milliseconds kGlance{200};

// Waits until the zygote has loaded, or cannot.
base::Status wait_for(supervisor::Zygotes& zygotes) {
    const auto end = base::Monotonic::now() + kLoading;
    while (base::Monotonic::now() < end) {
        if (const auto outcome = zygotes.outcome())
            return outcome->loaded ? base::ok() : base::Status(base::error("{}", outcome->text));
        std::vector<pollfd> watched;
        zygotes.watch(watched);
        ::poll(watched.data(), watched.size(), static_cast<int>(kGlance.count()));
        zygotes.tend(base::Monotonic::now());
        int status = 0;
        std::optional<std::string> died;
        for (pid_t pid = ::waitpid(-1, &status, WNOHANG); pid > 0; pid = ::waitpid(-1, &status, WNOHANG))
            zygotes.reaped(pid, status, died);
    }
    return base::error("the scanner took longer than {} minutes to load", kLoading.count());
}

}  // namespace

struct Engine::State {
    explicit State(const scanners::PoolLimits& limits) : pool(std::in_place, loop, limits) {}
    ~State() {
        if (thread.joinable()) {
            loop.stop();
            thread.join();
        }
        pool.reset();
        zygotes.kill_all();
    }
    supervisor::Zygotes zygotes{true, true};
    net::Loop loop;
    std::optional<scanners::Pool> pool;
    std::thread thread;
    unsigned number = 0;
};

base::Result<std::unique_ptr<Engine>> Engine::start(const supervisor::Configuration& configuration) {
    const auto& settings = configuration.settings;
    auto state = std::make_unique<State>(
        scanners::PoolLimits{settings.scan_timeout, settings.scan_total_timeout, settings.scan_queue});
    if (auto loading = state->zygotes.load(configuration.text.get()); !loading)
        return loading.error();
    if (auto loaded = wait_for(state->zygotes); !loaded)
        return loaded.error();
    state->zygotes.promote(settings.scan_timeout);
    auto control = state->zygotes.connect();
    if (!control)
        return control.error();
    state->pool->adopt_zygote(std::move(*control), 1);
    state->thread = std::thread([&loop = state->loop] { loop.run(); });
    return std::unique_ptr<Engine>(new Engine(std::move(state)));
}

Engine::Engine(std::unique_ptr<State> state) : state_(std::move(state)) {}

Engine::~Engine() = default;

std::future<policy::ScanReport> Engine::begin(mail::MessagePtr message) {
    // Shared with the callback: it may be the last to let go.
    auto answer = std::make_shared<std::promise<policy::ScanReport>>();
    auto report = answer->get_future();
    state_->pool->submit(state_->loop, fmt::format("{}", ++state_->number), std::move(message),
                         [answer](policy::ScanReport found) { answer->set_value(std::move(found)); });
    return report;
}

}  // namespace inspect
