#include "supervisor/runners.hpp"

#include <algorithm>
#include <utility>

namespace supervisor {
namespace {

constexpr std::chrono::seconds kAfterLast{10};  // on top of the longest program, for the proxy to let go

std::vector<config::OtherScanner> programs_of(const config::Settings& settings) {
    std::vector<config::OtherScanner> programs;
    for (const auto& scanner : settings.other_scanners)
        if (scanner.enable && scanner.kind == config::ScannerKind::kCheck)
            programs.push_back(scanner);
    return programs;
}

}  // namespace

bool Runners::differ(const config::Settings& running, const config::Settings& wanted) {
    return programs_of(running) != programs_of(wanted) || running.worker_memory_limit != wanted.worker_memory_limit ||
           running.worker_tmp_size != wanted.worker_tmp_size;
}

base::Status Runners::start(int configuration, const config::Settings& settings) {
    const auto programs = programs_of(settings);
    if (serving_)
        let_go(longest_ + kAfterLast);
    if (programs.empty())
        return base::ok();
    auto child = Child::start({.role = "runner",
                               .configuration = configuration,
                               .generation = 1,
                               .listeners = {},
                               .account = std::nullopt,
                               .log_to_stderr = log_to_stderr_,
                               .keep_stderr = keep_stderr_});
    if (!child)
        return child.error();
    longest_ = std::max_element(programs.begin(), programs.end(), [](const auto& one, const auto& other) {
                   return one.timeout < other.timeout;
               })->timeout;
    serving_ = std::make_unique<Child>(std::move(*child));
    serving_since_ = base::Monotonic::now();
    return base::ok();
}

void Runners::let_go(std::chrono::milliseconds patience) {
    // One that cannot be told is dying.
    static_cast<void>(serving_->send("L"));
    serving_->kill_after(patience);
    leaving_.push_back(std::move(serving_));
}

base::Result<base::UniqueFd> Runners::connect() {
    if (!serving_)
        return base::error("no runner of check programs serves");
    auto channel = base::make_channel();
    if (!channel)
        return channel.error();
    if (auto sent = serving_->send("S", {channel->first.get()}); !sent)
        return sent.error();
    return std::move(channel->second);
}

bool Runners::reaped(pid_t pid, int status, std::optional<std::string>& died) {
    if (serving_ && serving_->pid() == pid) {
        serving_->forget_pid();
        serving_.reset();
        died = describe_status(status);
        return true;
    }
    const auto found =
        std::find_if(leaving_.begin(), leaving_.end(), [pid](const auto& one) { return one->pid() == pid; });
    if (found == leaving_.end())
        return false;
    (*found)->forget_pid();
    leaving_.erase(found);
    return true;
}

void Runners::end_all(std::chrono::milliseconds patience) {
    if (serving_)
        let_go(patience);
    for (auto& runner : leaving_) {
        runner->close_channel();
        runner->kill_after(patience);
    }
}

void Runners::kill_all() {
    end_all(std::chrono::milliseconds(0));
    for (auto& runner : leaving_)
        runner->kill_now();
}

void Runners::watch(std::vector<pollfd>& descriptors) const {
    if (serving_)
        serving_->watch(descriptors);
    for (const auto& runner : leaving_)
        runner->watch(descriptors);
}

void Runners::tend(base::Monotonic::time_point now) {
    const auto look = [now](Child& runner) {
        while (runner.receive()) {
        }
        runner.kill_if_due(now);
    };
    if (serving_)
        look(*serving_);
    for (auto& runner : leaving_)
        look(*runner);
}

std::optional<base::Monotonic::time_point> Runners::due() const {
    std::optional<base::Monotonic::time_point> first;
    const auto consider = [&first](const Child& runner) {
        if (const auto when = runner.due())
            first = first ? std::min(*first, *when) : *when;
    };
    if (serving_)
        consider(*serving_);
    for (const auto& runner : leaving_)
        consider(*runner);
    return first;
}

}  // namespace supervisor
