#include "session/downstream_pool.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"

namespace session {
namespace {

constexpr auto kMaxAge = std::chrono::minutes(5);
constexpr std::size_t kMaxIdle = 100;  // per loop

// A process of a command that others wait for is not kept for later mail.
bool wanted_elsewhere(const DownstreamConnection& connection) {
    const auto* const original = connection.runtime()->original;
    return config::is_command(connection.server().endpoint) && original != nullptr && original->scarce();
}

}  // namespace

// An idle connection and its keeper: a server that closes it, or says 421, is not an error here.
struct DownstreamPool::Idle final : DownstreamConnection::Owner {
    Idle(DownstreamPool& owner_pool, std::unique_ptr<DownstreamConnection> idle)
        : pool(owner_pool), connection(std::move(idle)), since(base::Monotonic::now()) {
        connection->set_owner(this);
    }
    void on_ready() override {}
    void on_answer(smtp::ClientProtocol::Expect, const smtp::Reply&) override {}
    void on_lost(const std::string&, const smtp::Reply*) override {
        // Only now: the list node is this object.
        pool.discard(std::move(connection));
        auto& list = pool.idle_;
        list.erase(std::find_if(list.begin(), list.end(), [this](const Idle& idle) { return &idle == this; }));
    }

    DownstreamPool& pool;
    std::unique_ptr<DownstreamConnection> connection;
    base::Monotonic::time_point since;
};

// A connection that only finds out whether a server answers and what it offers; it becomes an idle one.
class DownstreamPool::Probe final : public DownstreamConnection::Owner {
  public:
    Probe(DownstreamPool& pool, const RuntimePtr& runtime, const Server& server)
        : pool_(pool), connection_(std::make_unique<DownstreamConnection>(pool.loop_, runtime, server, this)) {
        pool_.health().opened(server);
    }
    [[nodiscard]] const Server& server() const { return connection_->server(); }
    ~Probe() { pool_.discard(std::move(connection_)); }
    void on_ready() override {
        pool_.health().reached(connection_->server(), connection_->extensions());
        pool_.release(std::move(connection_));
        pool_.finish(*this);
    }
    void on_answer(smtp::ClientProtocol::Expect, const smtp::Reply&) override {}
    void on_lost(const std::string& why, const smtp::Reply*) override {
        if (connection_->crowded_out())
            pool_.tell_learners();  // it is not down, and whoever waits for its offer has waited long enough
        else
            pool_.health().failed(connection_->server(), why);
        pool_.discard(std::move(connection_));
        pool_.finish(*this);
    }

  private:
    DownstreamPool& pool_;
    std::unique_ptr<DownstreamConnection> connection_;
};

DownstreamPool::DownstreamPool(net::Loop& loop, Shared& shared)
    : loop_(loop), shared_(shared), sweep_(loop, [this] { expire(); }) {
    sweep_.start(std::chrono::seconds(1));
}

DownstreamPool::~DownstreamPool() = default;

DownstreamPool::Lease DownstreamPool::acquire(const RuntimePtr& runtime, const Server& server,
                                              DownstreamConnection::Owner& owner, bool fresh) {
    // The most recently used first: the others may grow old and go.
    for (auto it = idle_.rbegin(); !fresh && it != idle_.rend(); ++it) {
        // A connection made under another configuration has another host name or other limits.
        if (!it->connection->server().same_as(server) || it->connection->runtime() != runtime)
            continue;
        auto connection = std::move(it->connection);
        idle_.erase(std::next(it).base());
        connection->set_owner(&owner);
        ++connection->messages;
        return {std::move(connection), true};
    }
    auto connection = std::make_unique<DownstreamConnection>(loop_, runtime, server, &owner);
    ++connection->messages;
    health().opened(server);
    return {std::move(connection), false};
}

void DownstreamPool::release(std::unique_ptr<DownstreamConnection> connection) {
    const auto& settings = connection->runtime()->settings;
    const bool worn = connection->messages >= settings.downstream_max_messages ||
                      base::Monotonic::now() - connection->opened() > kMaxAge || idle_.size() >= kMaxIdle ||
                      settings.downstream_idle_seconds == 0 || shared_.draining || wanted_elsewhere(*connection);
    if (!connection->ready() || worn) {
        if (connection->ready()) {
            connection->protocol().quit();
            connection->send();
        }
        discard(std::move(connection));
        return;
    }
    idle_.emplace_back(*this, std::move(connection));
}

void DownstreamPool::discard(std::unique_ptr<DownstreamConnection> connection) {
    if (!connection)
        return;
    if (!connection->ready())
        health().given_up(connection->server());  // if it was a trial, the next one may begin
    health().closed(connection->server());
    connection->abandon();
    loop_.retire(std::move(connection));
}

std::optional<std::size_t> DownstreamPool::choose(const RuntimePtr& runtime, const Servers& servers,
                                                  DownstreamHealth::Mask tried) {
    const auto choice = health().choose(servers, tried, draws_());
    for (const auto server : choice.trials)
        probe(runtime, servers[server]);
    return choice.server;
}

void DownstreamPool::find(const RouteSetPtr& route, std::function<void(ServersPtr)> done) {
    shared_.names.find(loop_, route, std::move(done));
}

void DownstreamPool::learn_offer(std::function<void(const std::optional<smtp::Extensions>&)> done) {
    const auto runtime = shared_.runtime.load();
    const auto& route = runtime->routes.fallback();
    learners_.push_back(std::move(done));
    if (auto servers = servers_now(*route))
        learn(runtime, std::move(servers));
    else
        find(route, [this, runtime](ServersPtr found) { learn(runtime, std::move(found)); });
}

void DownstreamPool::learn(const RuntimePtr& runtime, ServersPtr servers) {
    asked_ = std::move(servers);
    // Also when an offer is known: the mail may go to another.
    for (const auto server : health().unknown(*asked_))
        probe(runtime, (*asked_)[server]);
    if (health().offer(*asked_))
        return tell_learners();
    if (learning())
        return;
    if (const auto server = choose(runtime, *asked_, 0))
        probe(runtime, (*asked_)[*server]);
    else
        tell_learners();
}

// One of the servers whose offer is to be learned is being asked; those of other routes say nothing about it.
bool DownstreamPool::learning() const {
    return std::ranges::any_of(probes_, [this](const auto& probe) {
        return std::ranges::any_of(*asked_, [&](const Server& server) { return server.same_as(probe->server()); });
    });
}

void DownstreamPool::probe(const RuntimePtr& runtime, const Server& server) {
    probes_.push_back(std::make_unique<Probe>(*this, runtime, server));
}

void DownstreamPool::finish(Probe& probe) {
    const auto found = std::ranges::find_if(probes_, [&probe](const auto& one) { return one.get() == &probe; });
    loop_.retire(std::move(*found));
    probes_.erase(found);
    if (learners_.empty())
        return;
    if (health().offer(*asked_))
        return tell_learners();  // one that answers is enough
    if (learning())
        return;
    const auto runtime = shared_.runtime.load();
    if (const auto next = choose(runtime, *asked_, 0))
        this->probe(runtime, (*asked_)[*next]);
    else
        tell_learners();
}

void DownstreamPool::tell_learners() {
    const auto offer = health().offer(*asked_);
    const auto learners = std::exchange(learners_, {});
    for (const auto& learner : learners)
        learner(offer);
}

void DownstreamPool::expire() {
    const auto now = base::Monotonic::now();
    for (auto it = idle_.begin(); it != idle_.end();) {
        const auto keep = std::chrono::seconds(it->connection->runtime()->settings.downstream_idle_seconds);
        if (now - it->since < keep && now - it->connection->opened() < kMaxAge && !wanted_elsewhere(*it->connection)) {
            ++it;
            continue;
        }
        it->connection->protocol().quit();
        it->connection->send();
        discard(std::move(it->connection));
        it = idle_.erase(it);
    }
    sweep_.start(std::chrono::seconds(1));
}

void DownstreamPool::close_idle() {
    for (auto& idle : idle_) {
        idle.connection->protocol().quit();
        idle.connection->send();
        discard(std::move(idle.connection));
    }
    idle_.clear();
}

}  // namespace session
