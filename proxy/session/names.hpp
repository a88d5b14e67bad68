// Names: what the names in routes lead to: a bounded cache in front of net::Resolver, shared by all loops.
//
// An answer holds for as long as DNS says, within bounds. When DNS cannot tell, the last good answer is used, and DNS
// is asked again a little later; what was once known outlives an outage of DNS. "There is no such name" is an answer,
// too.
//
// Thread-safe: cached() and find() may be called from any loop; the resolver lives on the home loop.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "net/resolver.hpp"
#include "session/routes.hpp"

namespace session {

// A host's addresses, among which its weight is divided. RFC 2782: a weight of 0 has a very small chance.
std::vector<Target> share_weight(const net::DnsHost& host, const std::vector<net::Address>& addresses);

class Names {
  public:
    using Time = base::Monotonic::time_point;

    static constexpr auto kShortest = std::chrono::seconds(1);
    static constexpr auto kLongest = std::chrono::hours(24);
    static constexpr auto kNothing = std::chrono::seconds(60);  // how long "there is none" holds
    static constexpr auto kRetry = std::chrono::seconds(15);    // after DNS could not tell
    static constexpr std::size_t kMaxNames = 20000;

    Names();
    ~Names();
    Names(const Names&) = delete;
    Names& operator=(const Names&) = delete;

    // On the home loop. Until it was started DNS cannot tell; after stop() nobody is called back.
    void start(net::Loop& home, const config::Settings& settings);
    void configure(const config::Settings& settings);
    void stop();

    // The servers of these routes, if nothing has to be waited for; else null.
    ServersPtr cached(const RouteSet& set, Time now = base::Monotonic::now());
    // Calls back on `loop`, later: the servers; none, if no name leads to one now.
    void find(net::Loop& loop, const RouteSetPtr& set, std::function<void(ServersPtr)> done);

    // The servers as far as they were ever found, asking nobody.
    Servers known(const RouteSet& set);
    // Of each route of the set what its name has led to, for people: "192.0.2.1:25 192.0.2.2:25, for 30 s".
    std::vector<std::string> describe(const RouteSet& set, Time now = base::Monotonic::now());

  private:
    class Lookup;
    struct Waiting;
    struct Entry {
        config::Route route{};
        std::vector<Target> targets{};
        bool known = false;  // DNS has told, if not just now
        Time expires{};      // ask again then
        Time used{};
        std::string why{};                 // of the last failure; empty: there was none
        std::unique_ptr<Lookup> lookup{};  // under way; touched by the home loop alone
        bool asked = false;                // somebody waits for it
        std::vector<std::shared_ptr<Waiting>> waiting{};
    };

    static std::string key_of(const config::Route& route);
    Entry& entry(const config::Route& route, Time now);
    Entry& entry(const std::string& key, Time now);
    ServersPtr assemble(const RouteSet& set, Time now);
    void begin(const config::Route& route);
    void answered(const std::string& key, net::DnsAnswer<Target> answer);
    void out_of_time(const std::string& key);
    void settle(const std::string& key);
    void release(std::vector<std::shared_ptr<Waiting>> waiting);

    std::mutex mutex_;
    std::unordered_map<std::string, Entry> entries_;  // by host, port and kind
    net::Loop* home_ = nullptr;
    std::unique_ptr<net::Resolver> resolver_;
    net::Resolver::Options options_;
};

}  // namespace session
