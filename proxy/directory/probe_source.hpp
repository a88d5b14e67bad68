// ProbeSource: asks mail servers, by RCPT or by VRFY. Its servers, their connections, and the questions that wait.
//
// The first server that is up takes all questions; one that fails is left alone for a second, then two, up to a minute,
// and its questions go to the next. A connection that was kept and has gone stale blames nobody. Home loop only.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "config/recipient_sources.hpp"
#include "directory/probe_connection.hpp"
#include "directory/source.hpp"

namespace directory {

class ProbeSource final : public Source, private ProbeConnection::Owner {
  public:
    static constexpr std::size_t kMaxWaiting = 10'000;
    static constexpr std::chrono::seconds kIdle{10};  // a connection is kept for the next question
    static constexpr std::chrono::seconds kLongestBackoff{60};

    ProbeSource(net::Loop& home, const config::RecipientSource& settings, std::string our_name);
    ~ProbeSource() override;

    void ask(const policy::RecipientAddress& address, Done done) override;
    [[nodiscard]] bool at_hand() const override { return false; }
    [[nodiscard]] std::string describe() const override;

  private:
    struct Question {
        policy::RecipientAddress address;
        Done done;
        std::unique_ptr<net::Timer> patience;
        ProbeConnection* connection = nullptr;
        std::vector<bool> tried;  // servers
        policy::SourceAnswer last{};
    };
    struct Line {
        std::unique_ptr<ProbeConnection> connection;
        std::unique_ptr<net::Timer> idle;
        std::size_t server;
        Question* question = nullptr;
    };
    struct Server {
        base::Monotonic::time_point not_before{};
        std::chrono::seconds backoff{0};
        std::string why;
    };
    using Questions = std::list<std::unique_ptr<Question>>;

    void on_answer(ProbeConnection& connection, policy::SourceAnswer answer) override;
    void on_dead(ProbeConnection& connection, const std::string& why, bool fault, const smtp::Reply* said) override;

    void dispatch();
    bool place(Question& question);
    Line* free_line(std::size_t server);
    Line* open_line(std::size_t server);
    void give(Line& line, Question& question);
    Line& line_of(const ProbeConnection& connection);
    void drop(Line& line);
    void blame(std::size_t server, const std::string& why);
    void out_of_patience(Question& question);
    void settle(Question& question, policy::SourceAnswer answer);
    [[nodiscard]] std::size_t lines_to(std::size_t server) const;

    net::Loop& home_;
    const config::RecipientSource settings_;
    const std::string our_name_;
    std::vector<Server> servers_;
    std::list<Line> lines_;
    Questions questions_;                                         // in the order of asking
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // what was posted finds it gone
};

}  // namespace directory
