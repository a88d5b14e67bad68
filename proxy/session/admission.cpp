#include "session/admission.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <chrono>
#include <limits>

namespace session {
namespace {

using std::chrono::seconds;

constexpr seconds kMinute{60};
constexpr seconds kProbeInterval{1};    // statvfs(3) is a system call that may have to wait for the disk
constexpr std::size_t kSweepAt = 1024;  // known clients, before those that are idle are forgotten
constexpr std::size_t kQueueShare = 2;  // one part in so many of worker.queue may wait when a message begins

double minutes(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time) / std::chrono::duration<double>(kMinute);
}

}  // namespace

Admission::Admission(FreeSpace free_space) : probe_(std::move(free_space)), sweep_at_(kSweepAt) {}

std::optional<std::uint64_t> Admission::free_on_disk(const std::string& path) {
    struct statvfs info {};
    if (::statvfs(path.c_str(), &info) != 0)
        return std::nullopt;
    return std::uint64_t{info.f_bavail} * info.f_frsize;
}

// ---- sessions

std::pair<Admission::Seat, std::optional<Limit>> Admission::admit(const net::Address& client,
                                                                  const config::Settings& settings, Time now) {
    auto name = client.to_string();
    const std::lock_guard lock(mutex_);
    if (sessions_ >= settings.max_connections)
        return {Seat(), Limit::kConnections};
    auto& entry = look_up(name, settings.max_connection_rate, now);
    if (settings.max_connections_per_client > 0 && entry.sessions >= settings.max_connections_per_client)
        return {Seat(), Limit::kConnectionsPerClient};
    if (settings.max_connection_rate > 0) {
        if (entry.used + 1 > settings.max_connection_rate)
            return {Seat(), Limit::kConnectionRate};
        entry.used += 1;
    }
    ++entry.sessions;
    ++sessions_;
    return {Seat(*this, std::move(name)), std::nullopt};
}

Admission::Client& Admission::look_up(const std::string& client, unsigned rate, Time now) {
    if (clients_.size() >= sweep_at_)
        sweep(now);
    auto [found, is_new] = clients_.try_emplace(client);
    auto& entry = found->second;
    if (!is_new)
        entry.used = std::max(0.0, entry.used - minutes(now - entry.seen) * rate);
    entry.seen = now;
    return entry;
}

// Whoever was not seen for a minute has leaked all that it used.
void Admission::sweep(Time now) {
    std::erase_if(clients_,
                  [now](const auto& item) { return item.second.sessions == 0 && now - item.second.seen >= kMinute; });
    // So that a table full of busy clients is not walked for each of them.
    sweep_at_ = std::max(kSweepAt, 2 * clients_.size());
}

std::size_t Admission::known_clients() const {
    const std::lock_guard lock(mutex_);
    return clients_.size();
}

Admission::Seat& Admission::Seat::operator=(Seat&& other) noexcept {
    give_back();
    admission_ = std::exchange(other.admission_, nullptr);
    client_ = std::move(other.client_);
    return *this;
}

void Admission::Seat::give_back() {
    auto* const admission = std::exchange(admission_, nullptr);
    if (admission == nullptr)
        return;
    const std::lock_guard lock(admission->mutex_);
    --admission->sessions_;
    // A client with sessions is never forgotten, so it is there.
    --admission->clients_.find(client_)->second.sessions;
}

// ---- messages

std::optional<Limit> Admission::refuse_message(const config::Settings& settings, std::uint64_t declared,
                                               std::size_t waiting, Time now) {
    if (memory_ >= settings.message_memory)
        return Limit::kMessageMemory;
    // The other part is for messages that were begun before the queue was as long as this.
    if (waiting >= std::max<std::size_t>(1, settings.scan_queue / kQueueShare))
        return Limit::kScanQueue;
    if (settings.spool_disk_floor > 0) {
        const std::lock_guard lock(mutex_);
        const auto free = free_space(settings.spool_directory, now);
        if (free < settings.spool_disk_floor || free - settings.spool_disk_floor < declared)
            return Limit::kSpoolDiskFloor;
    }
    return std::nullopt;
}

std::uint64_t Admission::free_space(const std::string& directory, Time now) {
    if (probed_directory_ != directory || now - probed_ >= kProbeInterval) {
        probed_directory_ = directory;
        probed_ = now;
        // Unknown is no reason to refuse mail: a spool that does not work says so itself.
        probed_free_ = probe_(directory).value_or(std::numeric_limits<std::uint64_t>::max());
    }
    return probed_free_;
}

void Admission::Memory::set(std::uint64_t octets) {
    // Unsigned numbers wrap, so that this takes back, too.
    admission_.memory_ += octets - octets_;
    octets_ = octets;
}

}  // namespace session
