#include "scanners/network/all_scanners.hpp"

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>
#include <vector>

#include "scanners/network/check_scanner.hpp"
#include "scanners/network/server_scanner.hpp"

namespace scanners::network {
namespace {

// The answers to one question. Touched on the asker's loop only.
class Join {
  public:
    Join(std::size_t parts, AllScanners::Done done) : said_(parts), missing_(parts), done_(std::move(done)) {}

    void add(std::size_t part, policy::ScanReport report) {
        said_[part] = std::move(report);
        if (--missing_ == 0)
            done_(merge());
    }

  private:
    policy::ScanReport merge() {
        policy::ScanReport whole = std::move(said_.front());
        for (std::size_t i = 1; i < said_.size(); ++i) {
            auto& part = said_[i];
            std::move(part.results.begin(), part.results.end(), std::back_inserter(whole.results));
            if (!part.signatures.empty())
                whole.signatures += (whole.signatures.empty() ? "" : "; ") + part.signatures;
        }
        whole.elapsed = std::chrono::duration_cast<std::chrono::microseconds>(base::Monotonic::now() - begun_);
        return whole;
    }

    std::vector<policy::ScanReport> said_;
    std::size_t missing_;
    AllScanners::Done done_;
    base::Monotonic::time_point begun_ = base::Monotonic::now();
};

policy::ScanReport report_of(Said said) {
    policy::ScanReport report;
    report.results.push_back(std::move(said.result));
    if (!said.outdated.empty())
        report.results.push_back({report.results.front().scanner,
                                  policy::Outcome::kCannotTell,
                                  policy::Cause::kStale,
                                  {},
                                  std::move(said.outdated)});
    report.signatures = std::move(said.signatures);
    return report;
}

}  // namespace

class AllScanners::State : public std::enable_shared_from_this<State> {
  public:
    explicit State(net::Loop& home) : home_(home), runner_(home) {}

    ~State() {
        // Each still answers for what it has, which looks at the others.
        const auto scanners = std::exchange(scanners_, {});
        const auto leaving = std::exchange(leaving_, {});
    }

    void configure(const config::Settings& settings) {
        std::erase_if(leaving_, [](const auto& scanner) { return scanner->idle(); });
        auto before = std::exchange(scanners_, {});
        for (const auto& wanted : settings.other_scanners) {
            if (!wanted.enable)
                continue;
            const auto same = std::find_if(before.begin(), before.end(), [&](const auto& scanner) {
                return scanner != nullptr && scanner->settings() == wanted;
            });
            scanners_.push_back(same != before.end() ? std::move(*same) : make(wanted));
        }
        const auto is_program = [](const auto& scanner) {
            return scanner->settings().kind == config::ScannerKind::kCheck;
        };
        if (std::none_of(scanners_.begin(), scanners_.end(), is_program))
            runner_.dismiss();
        for (auto& scanner : before)
            if (scanner != nullptr && !scanner->idle())
                leaving_.push_back(std::move(scanner));
        count_waiting();
    }

    // Home loop.
    void ask(const std::string& name, const std::string& id, mail::MessagePtr message, NetworkScanner::Done done) {
        const auto found = std::find_if(scanners_.begin(), scanners_.end(),
                                        [&](const auto& scanner) { return scanner->settings().id() == name; });
        if (found == scanners_.end()) {
            // A reload has taken it out since the message began.
            auto result = unknown(policy::Cause::kUnavailable, "the scanner is no longer configured");
            result.scanner = name;
            return done({std::move(result), {}});
        }
        (*found)->scan(id, std::move(message), [this, done = std::move(done)](Said said) {
            done(std::move(said));
            count_waiting();
        });
        count_waiting();
    }

    [[nodiscard]] std::string describe() const {
        std::string text;
        for (const auto& scanner : scanners_)
            text += scanner->describe();
        return text;
    }

    net::Loop& home() { return home_; }
    CheckRunner& runner() { return runner_; }
    [[nodiscard]] std::size_t waiting() const { return waiting_; }

  private:
    std::unique_ptr<NetworkScanner> make(const config::OtherScanner& wanted) {
        if (wanted.kind == config::ScannerKind::kCheck)
            return std::make_unique<CheckScanner>(home_, runner_, wanted);
        return std::make_unique<ServerScanner>(home_, wanted);
    }

    void count_waiting() {
        std::size_t most = 0;
        for (const auto& scanner : scanners_)
            most = std::max(most, scanner->waiting());
        waiting_ = most;
    }

    net::Loop& home_;
    CheckRunner runner_;
    std::atomic<std::size_t> waiting_{0};
    std::vector<std::unique_ptr<NetworkScanner>> leaving_;  // of an older configuration, with answers to give
    std::vector<std::unique_ptr<NetworkScanner>> scanners_;
};

AllScanners::AllScanners(net::Loop& home, Pool& workers, const config::Settings& settings)
    : workers_(workers), state_(std::make_shared<State>(home)) {
    state_->configure(settings);
}

AllScanners::~AllScanners() = default;

void AllScanners::configure(const config::Settings& settings) {
    state_->configure(settings);
}

void AllScanners::adopt_runner(base::UniqueFd channel) {
    state_->runner().adopt(std::move(channel));
}

void AllScanners::submit(net::Loop& loop, const config::Settings& settings, const std::string& id,
                         const mail::MessagePtr& message, Done done) {
    std::vector<std::string> others;
    for (const auto& scanner : settings.other_scanners)
        if (scanner.enable)
            others.push_back(scanner.id());
    // The first part is the workers'; without them its report is empty, and so is the whole when nothing is asked.
    auto join = std::make_shared<Join>(1 + others.size(), std::move(done));
    const auto add = [join](std::size_t part) {
        return [join, part](policy::ScanReport report) { join->add(part, std::move(report)); };
    };
    for (std::size_t i = 0; i < others.size(); ++i) {
        auto reply = [&loop, add = add(i + 1)](Said said) {
            loop.post([add, said = std::move(said)]() mutable { add(report_of(std::move(said))); });
        };
        state_->home().post(
            [weak = std::weak_ptr(state_), name = others[i], id, message, reply = std::move(reply)]() mutable {
                if (const auto state = weak.lock())
                    state->ask(name, id, std::move(message), std::move(reply));
            });
    }
    // Without an engine they still say what is in the message, which the policy's rules ask for.
    if (settings.clamav.enable || settings.policy != nullptr)
        workers_.submit(loop, id, message, add(0));
    else
        loop.post([add = add(0)] { add({}); });
}

void AllScanners::submit_edit(net::Loop& loop, std::string id, mail::MessagePtr message, EditRequest request,
                              Pool::EditDone done) {
    workers_.submit_edit(loop, std::move(id), std::move(message), std::move(request), std::move(done));
}

std::size_t AllScanners::waiting() const {
    return std::max(workers_.waiting(), state_->waiting());
}

std::string AllScanners::describe() const {
    return state_->describe();
}

}  // namespace scanners::network
