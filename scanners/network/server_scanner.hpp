// ServerScanner: a scanner that is asked over a socket (clamd, ICAP): its servers, the messages that wait, fail-over.
//
// A message is given to the first server that is up and has room. One that fails it (refuses, breaks off, is silent,
// talks nonsense) hands it to the next, within the one deadline that counts from scan(). Home loop only.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "net/loop.hpp"
#include "scanners/network/connection.hpp"
#include "scanners/network/scanner.hpp"
#include "scanners/network/server_health.hpp"
#include "scanners/stale_notice.hpp"

namespace scanners::network {

class ServerScanner final : public NetworkScanner {
  public:
    ServerScanner(net::Loop& loop, config::OtherScanner settings);
    ~ServerScanner() override;

    void scan(const std::string& id, mail::MessagePtr message, Done done) override;
    [[nodiscard]] const config::OtherScanner& settings() const override { return settings_; }
    [[nodiscard]] bool idle() const override { return jobs_.empty(); }
    [[nodiscard]] std::size_t waiting() const override { return waiting_; }
    [[nodiscard]] std::string describe() const override;

  private:
    struct Job {
        std::string id;
        mail::MessagePtr message;
        Done done;
        base::Monotonic::time_point deadline;
        ServerHealth::Mask tried = 0;
        std::size_t server = 0;  // that has it, while there is a connection
        base::Monotonic::time_point share_begun;
        base::Monotonic::time_point share_ends;
        std::unique_ptr<Connection> connection;
        std::unique_ptr<net::Timer> patience;
        std::string outdated;
        policy::ScanResult last = unknown(policy::Cause::kUnavailable, "every server is left alone after failures");
    };
    using Jobs = std::list<std::unique_ptr<Job>>;

    struct Server {
        ServerFacts facts;
        base::Monotonic::time_point facts_until{};
        unsigned connections = 0;
    };

    void dispatch();
    bool place(Job& job);
    void introduce(Job& job);
    void send_message(Job& job);
    void open(Job& job, std::unique_ptr<Conversation> conversation, void (ServerScanner::*then)(Job&, Answer));
    void close(Job& job);
    void on_introduced(Job& job, Answer answer);
    void on_answer(Job& job, Answer answer);
    void fail(Job& job, const Answer& answer);
    [[nodiscard]] std::string outdated(const ServerFacts& facts) const;
    void blame(const Job& job, const Answer& answer);
    void out_of_patience(Job& job);
    void settle(Job& job, policy::ScanResult result);

    net::Loop& loop_;
    config::OtherScanner settings_;
    ServerHealth health_;
    std::vector<Server> servers_;
    Jobs jobs_;
    std::size_t waiting_ = 0;
    Tally tally_;
    StaleNotice stale_;
};

}  // namespace scanners::network
