// OriginalCommand: where a delivery connection gets a process of the command in [smtp] original: a connection whose
// other end is the standard input and output of a process that the supervisor has started.
//
// Asked for by the loops, answered on the proxy's main loop, where the supervisor's channel is (roles.hpp). How many
// may run, and who waits, is the supervisor's affair: it outlives the proxy, and so do processes that still end.
// Thread-safe but for answered().
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "net/loop.hpp"

namespace session {

class OriginalCommand {
  public:
    using Got = std::function<void(base::Result<base::UniqueFd>)>;

    // One process, asked for or had. Its end tells the supervisor that nobody needs the process any more: one that does
    // not end by itself then is ended. Belongs to the loop that asked.
    class Ticket {
      public:
        Ticket(OriginalCommand& command, std::uint64_t serial, Got got)
            : command_(command), serial_(serial), got_(std::move(got)) {}
        ~Ticket() { command_.give_back(serial_); }
        Ticket(const Ticket&) = delete;
        Ticket& operator=(const Ticket&) = delete;

      private:
        friend class OriginalCommand;
        OriginalCommand& command_;
        std::uint64_t serial_;
        Got got_;
    };
    using TicketPtr = std::shared_ptr<Ticket>;

    // `send` puts a packet on the supervisor's channel; it is called on `main`.
    OriginalCommand(net::Loop& main, std::function<void(const std::string&)> send)
        : main_(main), send_(std::move(send)) {}

    // `got` runs on `loop`, never from within this call, unless the ticket has been dropped before.
    TicketPtr ask(net::Loop& loop, Got got);

    // On the main loop: the supervisor's packet about this serial number.
    void answered(std::uint64_t serial, base::Result<base::UniqueFd> socket);

    // Others wait for a process: one that is not needed now is not worth keeping.
    [[nodiscard]] bool scarce() const { return waiting_ > 0; }

  private:
    struct Waiter {
        net::Loop* loop = nullptr;
        std::weak_ptr<Ticket> ticket;
    };
    void give_back(std::uint64_t serial);

    net::Loop& main_;
    std::function<void(const std::string&)> send_;
    std::atomic<std::size_t> waiting_{0};
    std::mutex mutex_;
    std::uint64_t last_serial_ = 0;
    std::map<std::uint64_t, Waiter> waiters_;
};

}  // namespace session
