#include "net/loop.hpp"

#include <event2/event.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <stdexcept>
#include <utility>

namespace net {

Loop::Loop() : base_(event_base_new()), wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (base_ == nullptr || !wake_fd_)
        throw std::runtime_error("cannot make an event loop");
    wake_event_ = event_new(base_, wake_fd_.get(), EV_READ | EV_PERSIST, on_wake, this);
    if (wake_event_ == nullptr || event_add(wake_event_, nullptr) != 0)
        throw std::runtime_error("cannot watch the event loop's mailbox");
}

Loop::~Loop() {
    retired_.clear();
    mailbox_.clear();
    event_free(wake_event_);
    event_base_free(base_);
}

void Loop::run() {
    event_base_loop(base_, EVLOOP_NO_EXIT_ON_EMPTY);
    drain();
}

void Loop::stop() {
    post([this] { event_base_loopbreak(base_); });
}

void Loop::post(Task task) {
    bool was_empty = false;
    {
        const std::lock_guard lock(mutex_);
        was_empty = mailbox_.empty();
        mailbox_.push_back(std::move(task));
    }
    if (was_empty) {
        const std::uint64_t one = 1;
        // An eventfd write fails only when the counter is full, and then the loop is awake anyway.
        [[maybe_unused]] const auto written = ::write(wake_fd_.get(), &one, sizeof one);
    }
}

void Loop::retire_shared(std::shared_ptr<void> object) {
    retired_.push_back(std::move(object));
    post([] {});  // wakes drain()
}

void Loop::drain() {
    std::vector<Task> tasks;
    {
        const std::lock_guard lock(mutex_);
        tasks.swap(mailbox_);
    }
    for (auto& task : tasks)
        task();
    // Destructors may retire further objects: they wait for the next round.
    const auto dying = std::exchange(retired_, {});
}

void Loop::on_wake(int fd, short, void* self) noexcept {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(fd, &count, sizeof count);
    static_cast<Loop*>(self)->drain();
}

namespace {

timeval to_timeval(std::chrono::milliseconds after) {
    timeval tv{};
    tv.tv_sec = after.count() / 1000;
    tv.tv_usec = after.count() % 1000 * 1000;
    return tv;
}

}  // namespace

Timer::Timer(Loop& loop, std::function<void()> callback)
    : callback_(std::move(callback)), event_(event_new(loop.base(), -1, 0, on_timeout, this)) {
    if (event_ == nullptr)
        throw std::bad_alloc();
}

Timer::~Timer() {
    event_free(event_);
}

void Timer::start(std::chrono::milliseconds after) {
    const auto tv = to_timeval(after);
    event_add(event_, &tv);
}

void Timer::stop() {
    event_del(event_);
}

void Timer::on_timeout(int, short, void* self) noexcept {
    static_cast<Timer*>(self)->callback_();
}

Watch::Watch(Loop& loop, int fd, Direction direction, std::function<void()> callback)
    : callback_(std::move(callback)),
      event_(event_new(loop.base(), fd,
                       static_cast<short>((direction == Direction::kRead ? EV_READ : EV_WRITE) | EV_PERSIST), on_ready,
                       this)) {
    if (event_ == nullptr)
        throw std::bad_alloc();
}

Watch::~Watch() {
    event_free(event_);
}

void Watch::enable() {
    if (!enabled_ && event_add(event_, nullptr) == 0)
        enabled_ = true;
}

void Watch::disable() {
    if (enabled_ && event_del(event_) == 0)
        enabled_ = false;
}

void Watch::on_ready(int, short, void* self) noexcept {
    static_cast<Watch*>(self)->callback_();
}

}  // namespace net
