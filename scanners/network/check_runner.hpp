// CheckRunner: the runner of check programs as the proxy sees it: a channel, and who waits for which answer.
//
// Home loop only. When another runner takes its place, the older one still answers what it was asked.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "base/unique_fd.hpp"
#include "mail/message.hpp"
#include "net/loop.hpp"
#include "scanners/check/verdict.hpp"

namespace scanners::network {

class CheckRunner {
  public:
    using Done = std::function<void(check::Ending)>;

    explicit CheckRunner(net::Loop& loop) : loop_(loop) {}
    CheckRunner(const CheckRunner&) = delete;
    CheckRunner& operator=(const CheckRunner&) = delete;

    void adopt(base::UniqueFd channel);
    // No program is configured any more: the runner is let go when it has answered what it was asked.
    void dismiss();

    // `done` runs once, from the loop, when the program has ended or its runner has. Error: there is no runner, or it
    // does not take the message; then `done` does not run.
    base::Status run(const std::string& name, const mail::Message& message, std::chrono::milliseconds time, Done done);

  private:
    struct Channel {
        base::UniqueFd socket;
        std::unique_ptr<net::Watch> watch;
        std::map<std::uint32_t, Done> waiting;
        bool over = false;
    };
    void on_packet(Channel& channel);
    void end(Channel& channel);
    void let_go();

    net::Loop& loop_;
    bool dismissed_ = false;
    std::uint32_t last_serial_ = 0;
    std::list<std::unique_ptr<Channel>> channels_;  // the last is in use, unless dismissed_
};

}  // namespace scanners::network
