#include "session/downstream_pool.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"

namespace session {
namespace {

constexpr auto kMaxAge = std::chrono::minutes(5);
constexpr std::size_t kMaxIdle = 100;  // per loop

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

// Opens a connection only to learn what the server offers; it becomes the first idle one. Tries each server once.
class DownstreamPool::Probe final : public DownstreamConnection::Owner {
  public:
    Probe(DownstreamPool& pool, RuntimePtr runtime) : pool_(pool), runtime_(std::move(runtime)) { open(); }
    ~Probe() {
        if (connection_)
            pool_.discard(std::move(connection_));
    }
    void on_ready() override {
        pool_.reached(*connection_);
        pool_.release(std::move(connection_));
        pool_.finish_probe(true);
    }
    void on_answer(smtp::ClientProtocol::Expect, const smtp::Reply&) override {}
    void on_lost(const std::string& why, const smtp::Reply*) override {
        pool_.unreachable(connection_->server(), why);
        pool_.discard(std::move(connection_));
        if (++next_ < runtime_->settings.downstream.size())
            open();
        else
            pool_.finish_probe(false);
    }

  private:
    void open() {
        connection_ =
            std::make_unique<DownstreamConnection>(pool_.loop_, runtime_, runtime_->settings.downstream[next_], this);
    }
    DownstreamPool& pool_;
    RuntimePtr runtime_;
    std::size_t next_ = 0;
    std::unique_ptr<DownstreamConnection> connection_;
};

DownstreamPool::DownstreamPool(net::Loop& loop, Shared& shared)
    : loop_(loop), shared_(shared), sweep_(loop, [this] { expire(); }) {
    sweep_.start(std::chrono::seconds(1));
}

DownstreamPool::~DownstreamPool() = default;

DownstreamPool::Lease DownstreamPool::acquire(const RuntimePtr& runtime, const net::Endpoint& server,
                                              DownstreamConnection::Owner& owner, bool fresh) {
    // The most recently used first: the others may grow old and go.
    for (auto it = idle_.rbegin(); !fresh && it != idle_.rend(); ++it) {
        // A connection made under another configuration has another host name or other limits.
        if (it->connection->server() != server || it->connection->runtime() != runtime)
            continue;
        auto connection = std::move(it->connection);
        idle_.erase(std::next(it).base());
        connection->set_owner(&owner);
        ++connection->messages;
        return {std::move(connection), true};
    }
    auto connection = std::make_unique<DownstreamConnection>(loop_, runtime, server, &owner);
    ++connection->messages;
    return {std::move(connection), false};
}

void DownstreamPool::release(std::unique_ptr<DownstreamConnection> connection) {
    const auto& settings = connection->runtime()->settings;
    const bool worn = connection->messages >= settings.downstream_max_messages ||
                      base::Monotonic::now() - connection->opened() > kMaxAge || idle_.size() >= kMaxIdle ||
                      settings.downstream_idle_seconds == 0 || shared_.draining;
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
    connection->abandon();
    loop_.retire(std::move(connection));
}

void DownstreamPool::learn_offer(std::function<void(const std::optional<smtp::Extensions>&)> done) {
    if (offer_) {
        done(offer_);
        return;
    }
    learners_.push_back(std::move(done));
    if (!probe_)
        probe_ = std::make_unique<Probe>(*this, shared_.runtime.load());
}

void DownstreamPool::finish_probe(bool reached) {
    loop_.retire(std::move(probe_));
    const auto learners = std::exchange(learners_, {});
    for (const auto& learner : learners)
        learner(reached ? offer_ : std::nullopt);
}

void DownstreamPool::reached(const DownstreamConnection& connection) {
    offer_ = connection.extensions();
    if (shared_.downstream_down.exchange(false))
        base::log::event(base::log::kDownstreamUp, "{}", connection.server().to_string());
}

void DownstreamPool::unreachable(const net::Endpoint& server, const std::string& why) {
    // Once until it is back: with a delivery server away every message would say it again.
    if (!shared_.downstream_down.exchange(true))
        base::log::event(base::log::kDownstreamDown, "{}: {}", server.to_string(), why);
}

void DownstreamPool::expire() {
    const auto now = base::Monotonic::now();
    for (auto it = idle_.begin(); it != idle_.end();) {
        const auto keep = std::chrono::seconds(it->connection->runtime()->settings.downstream_idle_seconds);
        if (now - it->since < keep && now - it->connection->opened() < kMaxAge) {
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
