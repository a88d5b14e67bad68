// Admission: the one place that grants sessions and messages their share of the machine, and gets it back.
//
// What is granted is an object; when it dies, whatever way its owner ended, the share is free again. Thread-safe: one
// for all loops. It decides and counts; replies and the log are the caller's affair. Outlives every grant.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/clock.hpp"
#include "config/settings.hpp"
#include "net/address.hpp"
#include "session/limits.hpp"

namespace session {

class Admission {
  public:
    using Time = base::Monotonic::time_point;
    // Octets that are free on the file system of a path; nothing: it cannot be told.
    using FreeSpace = std::function<std::optional<std::uint64_t>(const std::string& path)>;

    // A session's place. Empty: it has none.
    class Seat {
      public:
        Seat() = default;
        Seat(Seat&& other) noexcept
            : admission_(std::exchange(other.admission_, nullptr)), client_(std::move(other.client_)) {}
        Seat& operator=(Seat&& other) noexcept;
        ~Seat() { give_back(); }
        explicit operator bool() const { return admission_ != nullptr; }

      private:
        friend class Admission;
        Seat(Admission& admission, std::string client) : admission_(&admission), client_(std::move(client)) {}
        void give_back();
        Admission* admission_ = nullptr;
        std::string client_;
    };

    // The memory that a message takes.
    class Memory {
      public:
        explicit Memory(Admission& admission) : admission_(admission) {}
        Memory(const Memory&) = delete;
        Memory& operator=(const Memory&) = delete;
        ~Memory() { set(0); }
        void set(std::uint64_t octets);

      private:
        Admission& admission_;
        std::uint64_t octets_ = 0;
    };

    Admission() : Admission(free_on_disk) {}
    explicit Admission(FreeSpace free_space);
    Admission(const Admission&) = delete;
    Admission& operator=(const Admission&) = delete;

    // A seat, or the limit in the way.
    std::pair<Seat, std::optional<Limit>> admit(const net::Address& client, const config::Settings& settings,
                                                Time now = base::Monotonic::now());

    // The limit in the way of one more message, if any: asked at MAIL, before any of its text has come. `declared`: its
    // SIZE, 0 when not given; `waiting`: messages that wait for a scanner.
    std::optional<Limit> refuse_message(const config::Settings& settings, std::uint64_t declared, std::size_t waiting,
                                        Time now = base::Monotonic::now());

    [[nodiscard]] unsigned sessions() const { return sessions_; }
    [[nodiscard]] std::uint64_t memory() const { return memory_; }
    [[nodiscard]] std::size_t known_clients() const;  // for tests

    static std::optional<std::uint64_t> free_on_disk(const std::string& path);

  private:
    struct Client {
        unsigned sessions = 0;
        double used = 0;  // of the rate; leaks evenly, all of it in a minute
        Time seen{};
    };
    Client& look_up(const std::string& client, unsigned rate, Time now);
    void sweep(Time now);
    std::uint64_t free_space(const std::string& directory, Time now);

    FreeSpace probe_;
    std::atomic<unsigned> sessions_{0};
    std::atomic<std::uint64_t> memory_{0};

    mutable std::mutex mutex_;  // of all below
    std::unordered_map<std::string, Client> clients_;
    std::size_t sweep_at_;
    std::string probed_directory_;
    std::uint64_t probed_free_ = 0;
    Time probed_{};
};

}  // namespace session
