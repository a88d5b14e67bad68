// Connection: one connection to a scanner's server, for one Conversation, with its deadline.
//
// Belongs to its loop's thread. A message is sent a piece at a time, the next one when the socket has taken the last:
// a server that reads slowly costs one piece of memory.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "config/scanner_servers.hpp"
#include "net/loop.hpp"
#include "net/stream.hpp"
#include "scanners/network/conversation.hpp"

namespace scanners::network {

class Connection final : private net::Stream::Handler {
  public:
    using Done = std::function<void(Answer)>;

    static constexpr std::chrono::milliseconds kConnectPatience{5000};

    // `done` runs once, from the loop, unless the Connection is destroyed before; it hands the Connection to
    // Loop::retire().
    Connection(net::Loop& loop, const config::ScannerServer& server, std::unique_ptr<Conversation> conversation,
               std::chrono::milliseconds patience, Done done);
    // Nobody wants the answer any more.
    void cancel();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

  private:
    void on_input() override;
    void on_output_sent() override;
    void on_end(const std::string& why) override;
    void on_timer();
    void send_more();
    void connected();
    bool finish_when_answered();
    void finish(Answer answer);

    net::Timer timer_;
    std::unique_ptr<Conversation> conversation_;
    Done done_;
    base::Monotonic::time_point deadline_;
    bool connected_ = false;
    std::string failure_;  // of the connect, when it failed at once
    std::unique_ptr<net::Stream> stream_;
};

}  // namespace scanners::network
