// CheckScanner: a check program as a scanner: what waits for a place, what runs, who is told. Home loop only.
#pragma once

#include <list>
#include <memory>
#include <string>

#include "net/loop.hpp"
#include "scanners/network/check_runner.hpp"
#include "scanners/network/scanner.hpp"
#include "scanners/stale_notice.hpp"

namespace scanners::network {

class CheckScanner final : public NetworkScanner {
  public:
    CheckScanner(net::Loop& loop, CheckRunner& runner, config::OtherScanner settings);
    ~CheckScanner() override;

    void scan(const std::string& id, mail::MessagePtr message, Done done) override;
    [[nodiscard]] const config::OtherScanner& settings() const override { return settings_; }
    [[nodiscard]] bool idle() const override { return jobs_.empty(); }
    [[nodiscard]] std::size_t waiting() const override { return waiting_; }
    [[nodiscard]] std::string describe() const override;

  private:
    struct Job {
        mail::MessagePtr message;
        Done done;
        base::Monotonic::time_point deadline;
        std::unique_ptr<net::Timer> patience;
        bool running = false;
    };

    void dispatch();
    void start(Job& job);
    void on_ended(const std::weak_ptr<Job>& job, const check::Ending& ending);
    void out_of_patience(Job& job);
    void settle(Job& job, policy::ScanResult result);

    net::Loop& loop_;
    CheckRunner& runner_;
    config::OtherScanner settings_;
    std::list<std::shared_ptr<Job>> jobs_;
    std::size_t waiting_ = 0;
    std::size_t running_ = 0;  // programs, also those whose answer nobody waits for any more
    Tally tally_;
    StaleNotice stale_;
    // An answer that comes after the end finds this gone.
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace scanners::network
