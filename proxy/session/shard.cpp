#include "session/shard.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "base/log.hpp"

namespace session {
namespace {

constexpr int kAcceptBatch = 16;  // connections taken in one go, so that sessions get their turn
constexpr std::size_t kMaxRefused = 500;

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
    const auto& settings = runtime->settings;
    ++shared_.counters.accepted;
    if (!settings.smtp_allow_client_ip.contains(client.address)) {
        base::log::event(base::log::kClientRefused, "{} is not in smtp_allow_client_ip", client.address.to_string());
        return refuse(std::move(socket), client, "access denied");
    }
    if (shared_.draining)
        return refuse(std::move(socket), client, "shutting down, try again later");
    auto [seat, limit] = shared_.admission.admit(client.address, settings);
    if (limit) {
        shared_.limits.reached(*limit, client.address);
        return refuse(std::move(socket), client,
                      *limit == Limit::kConnections ? "too many connections, try again later"
                                                    : "too many connections from your address, try again later");
    }
    add(std::move(socket), client, std::move(seat)).start();
}

// A session of its own, so that whoever speaks first still gets to read the 421; but a flood cannot have all
// descriptors for that. Beyond kMaxRefused the connection is closed at once: only who spoke first may lose the reply,
// and a reset says "later", too.
void Shard::refuse(base::UniqueFd socket, const net::Endpoint& client, std::string_view text) {
    ++shared_.counters.refused;
    if (refused_ < kMaxRefused) {
        ++refused_;
        return add(std::move(socket), client, {}).refuse(std::string(text));
    }
    const auto reply = smtp::to_wire(refusal(shared_.runtime.load()->settings.proxy_hostname, text));
    // The buffer of a fresh socket takes a line; whether the peer does is its affair.
    [[maybe_unused]] const auto sent = ::send(socket.get(), reply.data(), reply.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

Session& Shard::add(base::UniqueFd socket, const net::Endpoint& client, Admission::Seat seat) {
    const auto number = next_number_++;
    auto& slot = sessions_[number];
    slot = std::make_unique<Session>(*this, number, std::move(socket), client, std::move(seat));
    return *slot;
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
    if (!session.admitted())
        --refused_;
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
