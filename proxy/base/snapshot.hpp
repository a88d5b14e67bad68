// Snapshot<T>: one immutable T that readers hold as long as they like and a reload replaces as a whole (invariant 10).
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace base {

// Thread-safe: load() and store() may race; a reader keeps what it loaded alive. A mutex, held for the copy of a
// pointer: std::atomic<std::shared_ptr> of g++ 12 unlocks relaxed after a load, so that a store may race with it.
template <typename T>
class Snapshot {
  public:
    explicit Snapshot(std::shared_ptr<const T> value) : value_(std::move(value)) {}

    [[nodiscard]] std::shared_ptr<const T> load() const {
        const std::lock_guard lock(mutex_);
        return value_;
    }
    // The old value dies outside the lock, if nobody else holds it.
    void store(std::shared_ptr<const T> value) {
        const std::lock_guard lock(mutex_);
        value_.swap(value);
    }

  private:
    mutable std::mutex mutex_;
    std::shared_ptr<const T> value_;
};

}  // namespace base
