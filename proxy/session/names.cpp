#include "session/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/log.hpp"

namespace session {

using net::DnsOutcome;

namespace {

constexpr std::uint64_t kNameShares = 1000;  // of a name's weight, to be divided among its addresses

}  // namespace

std::vector<Target> share_weight(const net::DnsHost& host, const std::vector<net::Address>& addresses) {
    const std::uint64_t weight = host.weight == 0 ? 1 : host.weight * kNameShares;
    std::vector<Target> targets;
    for (const auto& address : addresses)
        targets.push_back(
            {{address, host.port}, host.name, host.preference, std::max<std::uint64_t>(1, weight / addresses.size())});
    return targets;
}

// Somebody who waits for the names of a set.
struct Names::Waiting {
    net::Loop& loop;
    RouteSetPtr set;
    std::function<void(ServersPtr)> done;
    std::size_t missing = 0;
};

// One name on its way to addresses: at once, or over the hosts that its MX or SRV records name.
class Names::Lookup {
  public:
    Lookup(net::Resolver& resolver, net::Loop& loop, const config::Route& route,
           std::function<void(net::DnsAnswer<Target>)> done, std::function<void()> out_of_time)
        : resolver_(resolver),
          route_(route),
          done_(std::move(done)),
          clock_(loop, std::move(out_of_time)),
          self_(std::make_shared<Lookup*>(this)) {}
    ~Lookup() { *self_ = nullptr; }
    Lookup(const Lookup&) = delete;
    Lookup& operator=(const Lookup&) = delete;

    void start(std::chrono::milliseconds timeout);

  private:
    // What arrives when this look-up is no more, arrives nowhere.
    template <typename Call>
    auto guarded(Call call) {
        return [self = self_, call](auto answer) {
            if (*self != nullptr)
                call(**self, std::move(answer));
        };
    }

    void follow(net::DnsHosts answer);
    void look_up(std::vector<net::DnsHost> hosts);
    void found(const net::DnsHost& host, net::DnsAddresses answer);
    void finish(DnsOutcome outcome, std::string why);

    net::Resolver& resolver_;
    const config::Route route_;
    std::function<void(net::DnsAnswer<Target>)> done_;
    net::Timer clock_;
    std::shared_ptr<Lookup*> self_;
    std::vector<net::DnsHost> hosts_;
    std::size_t missing_ = 0;
    std::vector<Target> targets_;
    std::chrono::seconds keep_ = kLongest;
    bool unclear_ = false;
    std::string why_;
};

void Names::Lookup::start(std::chrono::milliseconds timeout) {
    clock_.start(timeout);
    if (route_.kind == config::HostKind::kName)
        return look_up({{route_.host, 0, 1, route_.port}});
    const bool mx = route_.kind == config::HostKind::kMx;
    resolver_.hosts(route_.host, mx ? net::DnsType::kMx : net::DnsType::kSrv,
                    guarded([mx](Lookup& self, net::DnsHosts answer) {
                        if (answer.outcome == DnsOutcome::kFound)
                            return self.follow(std::move(answer));
                        // RFC 5321 section 5.1: a domain without MX is its own.
                        if (mx && answer.outcome == DnsOutcome::kNothing)
                            return self.look_up({{self.route_.host, 0, 1, self.route_.port}});
                        self.finish(answer.outcome, answer.why);
                    }));
}

void Names::Lookup::follow(net::DnsHosts answer) {
    keep_ = answer.keep;
    std::vector<net::DnsHost> hosts;
    for (auto& host : answer.records) {
        host.name = config::is_host_name(host.name) ? host.name : std::string();
        if (host.name.empty() || hosts.size() == kMaxServers)  // "no service here", or no name of a host
            continue;
        if (route_.kind == config::HostKind::kMx) {
            host.port = route_.port;
            host.weight = 1;
        }
        hosts.push_back(std::move(host));
    }
    if (hosts.empty())
        return finish(DnsOutcome::kNothing, "no host is named");
    look_up(std::move(hosts));
}

void Names::Lookup::look_up(std::vector<net::DnsHost> hosts) {
    hosts_ = std::move(hosts);
    missing_ = hosts_.size();
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
        // The answer may come at once, and the last one ends this object.
        const auto alive = self_;
        resolver_.addresses(hosts_[i].name, guarded([i](Lookup& self, net::DnsAddresses answer) {
                                self.found(self.hosts_[i], std::move(answer));
                            }));
        if (*alive == nullptr)
            return;
    }
}

void Names::Lookup::found(const net::DnsHost& host, net::DnsAddresses answer) {
    if (answer.outcome == DnsOutcome::kFound)
        keep_ = std::min(keep_, answer.keep);
    else
        why_ = fmt::format("{}: {}", host.name, answer.why);
    unclear_ = unclear_ || answer.outcome == DnsOutcome::kCannotTell;
    std::ranges::move(share_weight(host, answer.records), std::back_inserter(targets_));
    if (--missing_ > 0)
        return;
    if (targets_.empty())
        return finish(unclear_ ? DnsOutcome::kCannotTell : DnsOutcome::kNothing, why_);
    if (unclear_)  // some hosts are missing: not for long
        keep_ = std::min<std::chrono::seconds>(keep_, kRetry);
    finish(DnsOutcome::kFound, why_);
}

void Names::Lookup::finish(DnsOutcome outcome, std::string why) {
    clock_.stop();
    // It may destroy this object.
    auto done = std::move(done_);
    done({outcome, std::move(targets_), keep_, std::move(why)});
}

Names::Names() = default;

Names::~Names() {
    stop();
}

void Names::start(net::Loop& home, const config::Settings& settings) {
    home_ = &home;
    configure(settings);
}

void Names::configure(const config::Settings& settings) {
    constexpr std::uint16_t kDnsPort = 53;
    net::Resolver::Options wanted{settings.dns_servers == net::ServerList{}
                                      ? std::vector<net::Endpoint>{}
                                      : settings.dns_servers.with_default(kDnsPort),
                                  settings.dns_timeout};
    if (resolver_ && !wanted.servers.empty() && wanted.servers == options_.servers &&
        wanted.timeout == options_.timeout)
        return;
    // What is under way begins anew. Without servers of our own, resolv.conf(5) may have changed.
    std::vector<config::Route> running;
    {
        const std::lock_guard lock(mutex_);
        for (auto& [key, one] : entries_)
            if (std::exchange(one.lookup, nullptr))
                running.push_back(one.route);
    }
    options_ = wanted;
    resolver_.reset();
    resolver_ = std::make_unique<net::Resolver>(*home_, options_);
    for (const auto& route : running)
        begin(route);
}

void Names::stop() {
    {
        const std::lock_guard lock(mutex_);
        for (auto& [key, entry] : entries_)
            entry.waiting.clear();
    }
    resolver_.reset();
    entries_.clear();
    home_ = nullptr;
}

std::string Names::key_of(const config::Route& route) {
    return route.host_text();
}

Names::Entry& Names::entry(const config::Route& route, Time now) {
    auto& one = entry(key_of(route), now);
    if (one.route.host.empty())
        one.route = route;
    return one;
}

Names::Entry& Names::entry(const std::string& key, Time now) {
    const auto found = entries_.find(key);
    if (found == entries_.end() && entries_.size() >= kMaxNames) {
        auto oldest = entries_.end();
        for (auto it = entries_.begin(); it != entries_.end(); ++it)
            if (!it->second.asked && !it->second.lookup &&
                (oldest == entries_.end() || it->second.used < oldest->second.used))
                oldest = it;
        if (oldest != entries_.end())
            entries_.erase(oldest);
    }
    auto& one = found == entries_.end() ? entries_[key] : found->second;
    one.used = now;
    return one;
}

ServersPtr Names::assemble(const RouteSet& set, Time now) {
    std::vector<std::vector<Target>> targets(set.routes.size());
    for (std::size_t i = 0; i < set.routes.size(); ++i)
        if (set.routes[i].kind != config::HostKind::kAddress)
            targets[i] = entry(set.routes[i], now).targets;
    return std::make_shared<const Servers>(arrange(set, targets));
}

ServersPtr Names::cached(const RouteSet& set, Time now) {
    if (set.fixed)
        return set.fixed;
    const std::lock_guard lock(mutex_);
    for (const auto& route : set.routes)
        if (route.kind != config::HostKind::kAddress && entry(route, now).expires <= now)
            return nullptr;
    return assemble(set, now);
}

void Names::find(net::Loop& loop, const RouteSetPtr& set, std::function<void(ServersPtr)> done) {
    const auto now = base::Monotonic::now();
    auto waiting = std::make_shared<Waiting>(Waiting{loop, set, std::move(done)});
    const std::lock_guard lock(mutex_);
    for (const auto& route : set->routes) {
        if (set->fixed || home_ == nullptr || route.kind == config::HostKind::kAddress)
            continue;
        auto& one = entry(route, now);
        if (one.expires > now)
            continue;
        ++waiting->missing;
        one.waiting.push_back(waiting);
        if (!std::exchange(one.asked, true))
            home_->post([this, route] { begin(route); });
    }
    if (waiting->missing > 0)
        return;
    auto servers = set->fixed ? set->fixed : assemble(*set, now);
    loop.post([waiting, servers = std::move(servers)]() mutable { waiting->done(std::move(servers)); });
}

// On the home loop, from here on.
void Names::begin(const config::Route& route) {
    if (!resolver_)
        return;
    const auto key = key_of(route);
    auto lookup = std::make_unique<Lookup>(
        *resolver_, *home_, route, [this, key](net::DnsAnswer<Target> answer) { answered(key, std::move(answer)); },
        [this, key] { out_of_time(key); });
    auto* const started = lookup.get();
    {
        const std::lock_guard lock(mutex_);
        auto& one = entry(route, base::Monotonic::now());
        if (one.lookup)
            home_->retire(std::move(one.lookup));
        one.lookup = std::move(lookup);
    }
    started->start(options_.timeout);
}

void Names::answered(const std::string& key, net::DnsAnswer<Target> answer) {
    {
        const std::lock_guard lock(mutex_);
        const auto now = base::Monotonic::now();
        auto& one = entry(key, now);
        if (one.lookup)
            home_->retire(std::move(one.lookup));
        one.why = answer.outcome == DnsOutcome::kFound ? std::string() : answer.why;
        switch (answer.outcome) {
            case DnsOutcome::kFound:
                one.targets = std::move(answer.records);
                one.known = true;
                one.expires = now + std::clamp<std::chrono::seconds>(answer.keep, kShortest, kLongest);
                break;
            case DnsOutcome::kNothing:
                one.targets.clear();
                one.known = true;
                one.expires = now + kNothing;
                break;
            case DnsOutcome::kCannotTell:
                one.expires = now + kRetry;
                break;
        }
        if (answer.outcome != DnsOutcome::kFound)
            base::log::event(base::log::kRouteName, "{}: {}{}", key, answer.why,
                             one.targets.empty() ? "" : "; the last good answer is used");
    }
    settle(key);
}

// The query goes on, and what it brings is kept; but nobody waits any longer.
void Names::out_of_time(const std::string& key) {
    {
        const std::lock_guard lock(mutex_);
        auto& one = entry(key, base::Monotonic::now());
        one.why = "no answer in time";
        one.expires = base::Monotonic::now() + kRetry;
        base::log::event(base::log::kRouteName, "{}: {}{}", key, one.why,
                         one.targets.empty() ? "" : "; the last good answer is used");
    }
    settle(key);
}

void Names::settle(const std::string& key) {
    std::vector<std::shared_ptr<Waiting>> ready;
    {
        const std::lock_guard lock(mutex_);
        auto& one = entry(key, base::Monotonic::now());
        one.asked = false;
        for (auto& waiting : std::exchange(one.waiting, {}))
            if (--waiting->missing == 0)
                ready.push_back(std::move(waiting));
    }
    release(std::move(ready));
}

void Names::release(std::vector<std::shared_ptr<Waiting>> ready) {
    const auto now = base::Monotonic::now();
    for (auto& waiting : ready) {
        ServersPtr servers;
        {
            const std::lock_guard lock(mutex_);
            servers = assemble(*waiting->set, now);
        }
        auto& loop = waiting->loop;
        loop.post([waiting, servers = std::move(servers)]() mutable { waiting->done(std::move(servers)); });
    }
}

Servers Names::known(const RouteSet& set) {
    std::vector<std::vector<Target>> targets(set.routes.size());
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < set.routes.size(); ++i)
        if (const auto found = entries_.find(key_of(set.routes[i])); found != entries_.end())
            targets[i] = found->second.targets;
    return arrange(set, targets);
}

std::vector<std::string> Names::describe(const RouteSet& set, Time now) {
    std::vector<std::string> texts;
    const std::lock_guard lock(mutex_);
    for (const auto& route : set.routes) {
        auto& text = texts.emplace_back();
        if (route.kind == config::HostKind::kAddress)
            continue;
        const auto found = entries_.find(key_of(route));
        if (found == entries_.end() || (!found->second.known && found->second.why.empty())) {
            text = "not looked up yet";
            continue;
        }
        const auto& one = found->second;
        for (const auto& target : one.targets)
            text += (text.empty() ? "" : " ") + target.endpoint.to_string();
        if (one.targets.empty())
            text = "no address";
        if (const auto left = std::chrono::duration_cast<std::chrono::seconds>(one.expires - now).count(); left > 0)
            text += fmt::format(", for {} s", left);
        if (!one.why.empty())
            text += fmt::format(" ({})", one.why);
    }
    return texts;
}

}  // namespace session
