// DownstreamPool: the delivery connections of one loop: idle ones kept for the next message, and what the server
// offers.
//
// Belongs to one loop. An idle connection is kept for a bounded time, age and number of messages: an old Sendmail child
// keeps an old configuration and slows down (DESIGN section 8).
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "session/downstream_connection.hpp"

namespace session {

class DownstreamPool {
  public:
    DownstreamPool(net::Loop& loop, Shared& shared);
    ~DownstreamPool();

    struct Lease {
        std::unique_ptr<DownstreamConnection> connection;
        bool reused = false;  // was idle: it may be stale, so one retry on a fresh one is fair
    };
    // An idle connection to `server` when there is one (ready), else a new one (connecting).
    Lease acquire(const RuntimePtr& runtime, const net::Endpoint& server, DownstreamConnection::Owner& owner,
                  bool fresh = false);
    // Takes back a connection that is ready and outside a transaction; keeps or closes it.
    void release(std::unique_ptr<DownstreamConnection> connection);
    // Closes a connection that is in the middle of something or dead, after the callback has unwound.
    void discard(std::unique_ptr<DownstreamConnection> connection);

    // What the default route's server offered last.
    [[nodiscard]] const std::optional<smtp::Extensions>& offer() const { return offer_; }
    // Calls back when the offer is known, or cannot be learned now (empty). May call back at once.
    void learn_offer(std::function<void(const std::optional<smtp::Extensions>&)> done);

    // Told by every connection of this loop, for the offer and for the log.
    void reached(const DownstreamConnection& connection);
    void unreachable(const net::Endpoint& server, const std::string& why);

    void close_idle();

  private:
    struct Idle;
    class Probe;
    void expire();
    void finish_probe(bool reached);

    net::Loop& loop_;
    Shared& shared_;
    std::list<Idle> idle_;
    net::Timer sweep_;
    std::optional<smtp::Extensions> offer_;
    std::unique_ptr<Probe> probe_;
    std::vector<std::function<void(const std::optional<smtp::Extensions>&)>> learners_;
};

}  // namespace session
