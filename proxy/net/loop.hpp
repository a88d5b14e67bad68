// Loop: one thread's event loop (libevent), its mailbox and its retire list.
//
// All methods belong to the loop's own thread except post() and stop(), which any thread may call. No exception may
// leave a callback: libevent is C. What a callback wants to destroy it hands to retire(); it dies after the callback
// has unwound.
//
// System calls are what a small mail costs most, so the loop makes few: the descriptor that wakes it is written only
// when it sleeps, what it tells itself (posted by its own callbacks, retired, Soon) needs none at all, a deadline that
// is put off again and again is told to libevent only when it would have been reached, and what is sent is sent in one
// go (Sending).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"

struct event;
struct event_base;

namespace net {

class Sending;
class Soon;

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
    // What run() does again and again: what was posted, then what is ready. `wait`: until something is.
    void turn(bool wait);

    // Runs `task` on the loop's thread, in order. Dropped when the loop has ended.
    void post(Task task);

    // Keeps `object` until the current callback has unwound, then destroys it.
    template <typename T>
    void retire(std::unique_ptr<T> object) {
        retire_shared(std::shared_ptr<T>(std::move(object)));
    }

    [[nodiscard]] event_base* base() const { return base_; }

  private:
    friend class Sending;
    friend class Soon;
    friend class Timer;
    friend class Watch;
    void retire_shared(std::shared_ptr<void> object);
    void send_all();
    void drain();
    bool may_sleep();
    static void on_wake(int fd, short what, void* self) noexcept;
    // The loop of this thread is not asleep, and what was gathered for it does not wait for ever more callbacks.
    static void before_callback();

    event_base* base_ = nullptr;
    base::UniqueFd wake_fd_;
    event* wake_event_ = nullptr;
    bool stopping_ = false;
    std::vector<std::shared_ptr<void>> retired_;
    std::vector<Soon*> soon_;      // null: stopped
    std::vector<Sending*> sends_;  // null: stopped
    std::size_t waited_ = 0;       // callbacks, since the first of them
    std::mutex mutex_;             // of all below
    std::vector<Task> mailbox_;
    // Or about to be: who posts has to wake it. Set under the lock, taken back as soon as something happens.
    std::atomic<bool> asleep_{false};
};

// Something to be done once the current callback has unwound, before the loop waits for anything.
class Soon {
  public:
    Soon(Loop& loop, std::function<void()> callback) : loop_(loop), callback_(std::move(callback)) {}
    ~Soon() { stop(); }
    Soon(const Soon&) = delete;
    Soon& operator=(const Soon&) = delete;

    void start();
    void stop();

  private:
    friend class Loop;
    Loop& loop_;
    std::function<void()> callback_;
    bool started_ = false;
};

// Something to be sent, together with what others have to send: when all that was ready has been seen to, or as soon as
// there are kAtOnce, or as many callbacks have come since the first. Who receives it, often one process for all of it,
// is woken once and finds much, instead of many times for a little each; and waking somebody is the dearest part of
// sending. What goes onward goes before what goes back: more of its way lies ahead. `send` calls nobody back.
class Sending {
  public:
    static constexpr std::size_t kAtOnce = 32;
    enum class Way : std::uint8_t { kOnward, kBack };  // to servers that we connected to; to clients that did so to us

    Sending(Loop& loop, Way way, std::function<void()> send) : loop_(loop), way_(way), send_(std::move(send)) {}
    ~Sending() { stop(); }
    Sending(const Sending&) = delete;
    Sending& operator=(const Sending&) = delete;

    void start();
    bool stop();  // false: it was not started, or was sent

  private:
    friend class Loop;
    Loop& loop_;
    Way way_;
    std::function<void()> send_;
    bool started_ = false;
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
    void arm(base::Monotonic::duration after);
    void fire();

    std::function<void()> callback_;
    event* event_ = nullptr;
    bool running_ = false;
    bool armed_ = false;  // libevent will call, at `armed_for_` or later
    base::Monotonic::time_point deadline_;
    base::Monotonic::time_point armed_for_;
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
