#include "session/shard.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include "base/log.hpp"

namespace session {
namespace {

constexpr int kAcceptBatch = 16;  // connections taken in one go, so that sessions get their turn

}  // namespace

Shard::Shard(Shared& shared, const std::vector<int>& listeners)
    : shared_(shared), pool_(loop_, shared), accept_pause_(loop_, [this] {
          for (auto& watch : watches_)
              watch->enable();
      }) {
    for (const int listener : listeners) {
        watches_.push_back(std::make_unique<net::Watch>(loop_, listener, net::Watch::Direction::kRead,
                                                        [this, listener] { accept(listener); }));
        watches_.back()->enable();
    }
}

Shard::~Shard() = default;

void Shard::accept(int listener) {
    for (int i = 0; i < kAcceptBatch; ++i) {
        net::Endpoint client;
        auto socket = net::accept_connection(listener, client);
        if (socket) {
            admit(std::move(socket), client);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            // Connections wait in the backlog; trying again at once would only burn the processor.
            base::log::event(base::log::kOverload, "cannot accept: no descriptors or memory; pausing for a second");
            for (auto& watch : watches_)
                watch->disable();
            accept_pause_.start(std::chrono::seconds(1));
        }
        return;
    }
}

void Shard::admit(base::UniqueFd socket, const net::Endpoint& client) {
    const auto runtime = shared_.runtime.load();
    const auto number = next_number_++;
    auto& slot = sessions_[number];
    slot = std::make_unique<Session>(*this, number, std::move(socket), client);
    const auto sessions = ++shared_.counters.sessions;
    ++shared_.counters.accepted;
    if (!runtime->settings.smtp_allow_client_ip.contains(client.address)) {
        base::log::event(base::log::kClientRefused, "{} is not in smtp_allow_client_ip", client.address.to_string());
        ++shared_.counters.refused;
        slot->refuse("access denied");
    } else if (sessions > runtime->settings.max_connections) {
        ++shared_.counters.refused;
        const auto now = base::Monotonic::now();
        if (now - overload_logged_ > std::chrono::seconds(10)) {
            overload_logged_ = now;
            base::log::event(base::log::kOverload, "max_connections ({}) reached", runtime->settings.max_connections);
        }
        slot->refuse("too many connections, try again later");
    } else if (shared_.draining) {
        slot->refuse("shutting down, try again later");
    } else {
        slot->start();
    }
}

Session* Shard::find(std::uint64_t session) {
    const auto found = sessions_.find(session);
    return found == sessions_.end() ? nullptr : found->second.get();
}

Transaction* Shard::transaction(std::uint64_t session, std::uint64_t serial) {
    auto* found = find(session);
    return found == nullptr ? nullptr : found->transaction(serial);
}

Disposal* Shard::disposal(std::uint64_t session, std::uint64_t serial) {
    auto* found = transaction(session, serial);
    return found == nullptr ? nullptr : found->disposal();
}

void Shard::remove(Session& session) {
    const auto found = sessions_.find(session.number());
    if (found == sessions_.end())
        return;
    --shared_.counters.sessions;
    loop_.retire(std::move(found->second));
    sessions_.erase(found);
    check_empty();
}

void Shard::drain(std::function<void()> empty) {
    loop_.post([this, empty = std::move(empty)]() mutable {
        accept_pause_.stop();
        watches_.clear();
        pool_.close_idle();
        empty_ = std::move(empty);
        // A session that ends at once takes itself out of the map.
        std::vector<std::uint64_t> numbers;
        numbers.reserve(sessions_.size());
        for (const auto& [number, session] : sessions_)
            numbers.push_back(number);
        for (const auto number : numbers) {
            if (const auto found = sessions_.find(number); found != sessions_.end())
                found->second->drain();
        }
        check_empty();
    });
}

void Shard::check_empty() {
    if (sessions_.empty() && empty_)
        loop_.post(std::exchange(empty_, nullptr));
}

}  // namespace session
