// DownstreamPool: the delivery connections of one loop: idle ones kept for the next message, and those that only find
// out how a server is and what it offers. Which server is used: DownstreamHealth.
//
// Belongs to one loop. An idle connection is kept for a bounded time, age and number of messages: an old Sendmail child
// keeps an old configuration and slows down (DESIGN section 8).
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <random>
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
    Lease acquire(const RuntimePtr& runtime, const Server& server, DownstreamConnection::Owner& owner,
                  bool fresh = false);
    // Takes back a connection that is ready and outside a transaction; keeps or closes it.
    void release(std::unique_ptr<DownstreamConnection> connection);
    // Closes a connection that is in the middle of something or dead, after the callback has unwound.
    void discard(std::unique_ptr<DownstreamConnection> connection);

    // Which of `servers` to use, by position; those in `tried` are left out. Empty: none is to be had now. Whoever gets
    // a server acquires a connection to it.
    std::optional<std::size_t> choose(const RuntimePtr& runtime, const Servers& servers, DownstreamHealth::Mask tried);

    // Where the recipients of `route` are delivered to; null: its names have to be looked up, and find() does that.
    ServersPtr servers_now(const RouteSet& route) { return shared_.names.cached(route); }
    // Calls back on this loop, later. No servers: none can be found now.
    void find(const RouteSetPtr& route, std::function<void(ServersPtr)> done);

    // Calls back with what all servers of the default route offer, or empty when none is to be had now. May call back
    // at once.
    void learn_offer(std::function<void(const std::optional<smtp::Extensions>&)> done);

    // How a connection of this loop went.
    DownstreamHealth& health() { return shared_.downstream; }

    void close_idle();

  private:
    struct Idle;
    class Probe;
    void expire();
    void probe(const RuntimePtr& runtime, const Server& server);
    [[nodiscard]] bool learning() const;
    void learn(const RuntimePtr& runtime, ServersPtr servers);
    void finish(Probe& probe);
    void tell_learners();

    net::Loop& loop_;
    Shared& shared_;
    std::list<Idle> idle_;
    net::Timer sweep_;
    std::list<std::unique_ptr<Probe>> probes_;
    ServersPtr asked_ = std::make_shared<const Servers>();  // of the default route: whose offer is learned
    std::mt19937_64 draws_{std::random_device{}()};
    std::vector<std::function<void(const std::optional<smtp::Extensions>&)>> learners_;
};

}  // namespace session
