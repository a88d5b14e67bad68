// Snapshot<T>: one immutable T that readers hold as long as they like and a reload replaces as a whole (invariant 10).
#pragma once

#include <atomic>
#include <memory>

namespace base {

// Thread-safe: load() and store() may race; a reader keeps what it loaded alive.
template <typename T>
class Snapshot {
  public:
    explicit Snapshot(std::shared_ptr<const T> value) : value_(std::move(value)) {}

    [[nodiscard]] std::shared_ptr<const T> load() const { return value_.load(); }
    void store(std::shared_ptr<const T> value) { value_.store(std::move(value)); }

  private:
    std::atomic<std::shared_ptr<const T>> value_;
};

}  // namespace base
