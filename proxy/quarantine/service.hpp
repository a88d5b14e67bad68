// The quarantine as the loops see it: one thread owns the Store, since fsync blocks; answers come back to the asking
// loop.
//
// Thread-safe. Completions run on `loop`'s thread; a completion must find its session by id, never hold it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/loop.hpp"
#include "quarantine/store.hpp"

namespace quarantine {

class Service {
  public:
    // Starts the thread. It expires old entries at start and then hourly.
    explicit Service(Store store);
    // Finishes what is queued, then joins.
    ~Service();
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    // Durable when the status is ok. Error: full (an event was logged), or storage failed.
    void put(net::Loop& loop, Entry entry, mail::MessagePtr message, std::function<void(base::Status)> done);
    void list(net::Loop& loop, std::function<void(std::vector<Entry>)> done);
    void show(net::Loop& loop, std::string id, std::function<void(base::Result<Entry>)> done);
    // Not logged here: the caller knows who asked for it, and why.
    void remove(net::Loop& loop, std::string id, std::function<void(base::Status)> done);
    void record_release(net::Loop& loop, std::string id, ReleaseState state, std::string note,
                        std::function<void(base::Status)> done);

    struct Loaded {
        Entry entry;
        mail::MessagePtr message;
    };
    // The entry with its message, for a release or for showing its bytes.
    void load(net::Loop& loop, std::string id, std::function<void(base::Result<Loaded>)> done);

    void set_limits(Limits limits);

    struct Usage {
        std::uint64_t entries = 0;
        std::uint64_t octets = 0;
    };
    [[nodiscard]] Usage usage() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace quarantine
