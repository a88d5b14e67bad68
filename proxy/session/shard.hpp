// Shard: one event loop with what belongs to it: its sessions by number, its delivery connections, its share of
// accepting.
//
// Everything but the constructor, run() and the post-based calls belongs to the shard's own thread.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "net/loop.hpp"
#include "session/downstream_pool.hpp"
#include "session/session.hpp"

namespace session {

class Shard {
  public:
    // `listeners` stay open until the shard is destroyed; several shards share them.
    Shard(Shared& shared, const std::vector<int>& listeners);
    ~Shard();

    net::Loop& loop() { return loop_; }
    DownstreamPool& pool() { return pool_; }
    Shared& shared() { return shared_; }

    // The session or transaction that a late answer is meant for; null when it is over: no pointer crosses a wait.
    Session* find(std::uint64_t session);
    Transaction* transaction(std::uint64_t session, std::uint64_t serial);
    Disposal* disposal(std::uint64_t session, std::uint64_t serial);

    // Any thread: stop accepting, end sessions as they come to rest; `empty` is called once on this loop when none is
    // left.
    void drain(std::function<void()> empty);

    // From Session: it is over.
    void remove(Session& session);

  private:
    void accept(int listener);
    void admit(base::UniqueFd socket, const net::Endpoint& client);
    void refuse(base::UniqueFd socket, const net::Endpoint& client, std::string_view text);
    Session& add(base::UniqueFd socket, const net::Endpoint& client, Admission::Seat seat);
    void check_empty();

    Shared& shared_;
    net::Loop loop_;
    DownstreamPool pool_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Session>> sessions_;
    std::uint64_t next_number_ = 1;
    std::vector<std::unique_ptr<net::Watch>> watches_;
    net::Timer accept_pause_;
    std::size_t refused_ = 0;  // sessions that only read their 421
    std::function<void()> empty_;
};

}  // namespace session
