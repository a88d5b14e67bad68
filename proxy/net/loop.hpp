// Loop: one thread's event loop (libevent), its mailbox and its retire list.
//
// All methods belong to the loop's own thread except post() and stop(), which any thread may call. No exception may
// leave a callback: libevent is C. What a callback wants to destroy it hands to retire(); it dies after the callback
// has unwound.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"

struct event;
struct event_base;

namespace net {

class Loop {
  public:
    using Task = std::function<void()>;

    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    // Runs until stop(). Tasks posted before stop() still run.
    void run();
    void stop();

    // Runs `task` on the loop's thread, in order. Dropped when the loop has ended.
    void post(Task task);

    // Keeps `object` until the current callback has unwound, then destroys it.
    template <typename T>
    void retire(std::unique_ptr<T> object) {
        retire_shared(std::shared_ptr<T>(std::move(object)));
    }

    [[nodiscard]] event_base* base() const { return base_; }

  private:
    void retire_shared(std::shared_ptr<void> object);
    void drain();
    static void on_wake(int fd, short what, void* self) noexcept;

    event_base* base_ = nullptr;
    base::UniqueFd wake_fd_;
    event* wake_event_ = nullptr;
    std::mutex mutex_;
    std::vector<Task> mailbox_;
    std::vector<std::shared_ptr<void>> retired_;
};

// One-shot timer; destroyed or stopped: never fires. Restarting replaces the deadline.
class Timer {
  public:
    Timer(Loop& loop, std::function<void()> callback);
    ~Timer();
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    void start(std::chrono::milliseconds after);
    void stop();

  private:
    static void on_timeout(int fd, short what, void* self) noexcept;
    std::function<void()> callback_;
    event* event_ = nullptr;
};

// Readiness of a descriptor that the caller owns; the callback runs on the loop's thread while it is enabled.
class Watch {
  public:
    enum class Direction { kRead, kWrite };
    Watch(Loop& loop, int fd, Direction direction, std::function<void()> callback);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    void enable();
    void disable();

  private:
    static void on_ready(int fd, short what, void* self) noexcept;
    std::function<void()> callback_;
    event* event_ = nullptr;
    bool enabled_ = false;
};

}  // namespace net
