#include "scanners/network/check_scanner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "scanners/network/conversation.hpp"

namespace scanners::network {
namespace {

using policy::Cause;
using std::chrono::milliseconds;

}  // namespace

CheckScanner::CheckScanner(net::Loop& loop, CheckRunner& runner, config::OtherScanner settings)
    : loop_(loop), runner_(runner), settings_(std::move(settings)) {}

CheckScanner::~CheckScanner() {
    while (!jobs_.empty())
        settle(*jobs_.front(), unknown(Cause::kUnavailable, "the scanner is shut down"));
}

void CheckScanner::scan(const std::string& id, mail::MessagePtr message, Done done) {
    auto job = std::make_shared<Job>();
    auto* raw = job.get();
    job->message = std::move(message);
    job->done = std::move(done);
    job->deadline = base::Monotonic::now() + settings_.timeout;
    job->patience = std::make_unique<net::Timer>(loop_, [this, raw] { out_of_patience(*raw); });
    job->patience->start(settings_.timeout);
    jobs_.push_back(std::move(job));
    if (++waiting_ > kMaxWaiting)
        return settle(*raw, unknown(Cause::kUnavailable, "too many messages wait for the program"));
    dispatch();
}

void CheckScanner::dispatch() {
    for (auto next = jobs_.begin(); next != jobs_.end() && waiting_ > 0 && running_ < settings_.max_connections;) {
        const auto job = *next++;
        if (!job->running)
            start(*job);
    }
}

void CheckScanner::start(Job& job) {
    const auto left = std::chrono::duration_cast<milliseconds>(job.deadline - base::Monotonic::now());
    const auto shared = *std::find_if(jobs_.begin(), jobs_.end(), [&](const auto& one) { return one.get() == &job; });
    const auto started =
        runner_.run(settings_.id(), *job.message, std::max(left, milliseconds(1)),
                    [this, alive = std::weak_ptr(alive_), weak = std::weak_ptr(shared)](const check::Ending& ending) {
                        if (!alive.expired())
                            on_ended(weak, ending);
                    });
    if (!started)
        return settle(job, unknown(Cause::kUnavailable, started.error().message));
    job.running = true;
    --waiting_;
    ++running_;
}

void CheckScanner::on_ended(const std::weak_ptr<Job>& job, const check::Ending& ending) {
    --running_;
    if (const auto waits = job.lock())
        settle(*waits, check::interpret(ending));
    dispatch();
}

// A program that runs is killed by its runner at the same time, and keeps its place until it is dead.
void CheckScanner::out_of_patience(Job& job) {
    settle(job, unknown(Cause::kTimeout, job.running ? "the program took too long" : "no place became free in time"));
}

void CheckScanner::settle(Job& job, policy::ScanResult result) {
    if (!job.running)
        --waiting_;
    job.patience->stop();
    loop_.retire(std::move(job.patience));
    const auto found = std::find_if(jobs_.begin(), jobs_.end(), [&job](const auto& one) { return one.get() == &job; });
    const auto own = std::move(*found);
    jobs_.erase(found);
    result.scanner = settings_.id();
    if (result.cause == Cause::kStale)
        stale_.note(result.scanner, result.detail);
    tally_.count(result.outcome);
    own->done({std::move(result), {}, {}});
}

std::string CheckScanner::describe() const {
    return fmt::format("scanner {}: {}, {} waiting, {} running\n", settings_.id(), tally_.to_string(), waiting_,
                       running_);
}

}  // namespace scanners::network
