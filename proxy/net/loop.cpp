#include "net/loop.hpp"

#include <event2/event.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <utility>

namespace net {

namespace {

// Posted by what was posted, and so on: after so many rounds the sockets get their turn.
constexpr int kRounds = 16;

thread_local Loop* in_turn = nullptr;  // of this thread

}  // namespace

Loop::Loop() : base_(event_base_new()), wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (base_ == nullptr || !wake_fd_ || (event_base_get_features(base_) & EV_FEATURE_ET) == 0)
        throw std::runtime_error("cannot make an event loop");
    // Edges: each write is told once, and nobody has to read what was written.
    wake_event_ = event_new(base_, wake_fd_.get(), EV_READ | EV_PERSIST | EV_ET, on_wake, this);
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
    stopping_ = false;
    while (!stopping_)
        turn(true);
    drain();
}

void Loop::stop() {
    post([this] { stopping_ = true; });
}

void Loop::turn(bool wait) {
    for (int round = 0; round == 0 || (round < kRounds && !may_sleep()); ++round)
        drain();
    if (stopping_)
        return;
    auto* const outer = std::exchange(in_turn, this);
    event_base_loop(base_, EVLOOP_ONCE | (wait && may_sleep() ? 0 : EVLOOP_NONBLOCK));
    in_turn = outer;
    asleep_ = false;
}

// True: there is nothing to do, and whoever posts something from now on wakes us.
bool Loop::may_sleep() {
    if (!soon_.empty() || !sends_.empty() || !retired_.empty())
        return false;
    const std::lock_guard lock(mutex_);
    asleep_ = mailbox_.empty();
    return asleep_;
}

void Loop::post(Task task) {
    bool wake = false;
    {
        const std::lock_guard lock(mutex_);
        mailbox_.push_back(std::move(task));
        wake = asleep_.exchange(false);
    }
    if (wake) {
        const std::uint64_t one = 1;
        // An eventfd write fails only when the counter is full, and it is full after five hundred years.
        [[maybe_unused]] const auto written = ::write(wake_fd_.get(), &one, sizeof one);
    }
}

void Loop::retire_shared(std::shared_ptr<void> object) {
    retired_.push_back(std::move(object));
}

void Loop::send_all() {
    for (const auto way : {Sending::Way::kOnward, Sending::Way::kBack})
        for (auto*& each : sends_)
            if (each != nullptr && each->way_ == way) {
                auto* const sending = std::exchange(each, nullptr);
                sending->started_ = false;
                sending->send_();
            }
    sends_.clear();
    waited_ = 0;
}

void Loop::drain() {
    send_all();
    std::vector<Task> tasks;
    {
        const std::lock_guard lock(mutex_);
        tasks.swap(mailbox_);
    }
    // What is started meanwhile waits for the next round.
    for (std::size_t i = 0, count = soon_.size(); i < count; ++i)
        if (auto* const soon = std::exchange(soon_[i], nullptr)) {
            soon->started_ = false;
            soon->callback_();
        }
    std::erase(soon_, nullptr);
    for (auto& task : tasks)
        task();
    // Destructors may retire further objects: they wait for the next round.
    const auto dying = std::exchange(retired_, {});
}

// To be woken is all that there is to it: the mailbox is emptied in any case.
void Loop::on_wake(int, short, void*) noexcept {
    before_callback();
}

void Loop::before_callback() {
    if (in_turn == nullptr)
        return;
    in_turn->asleep_.store(false, std::memory_order_relaxed);
    if (!in_turn->sends_.empty() && ++in_turn->waited_ >= Sending::kAtOnce)
        in_turn->send_all();
}

void Soon::start() {
    if (!std::exchange(started_, true))
        loop_.soon_.push_back(this);
}

void Soon::stop() {
    if (std::exchange(started_, false))
        std::replace(loop_.soon_.begin(), loop_.soon_.end(), this, static_cast<Soon*>(nullptr));
}

void Sending::start() {
    if (std::exchange(started_, true))
        return;
    loop_.sends_.push_back(this);
    if (loop_.sends_.size() >= kAtOnce)
        loop_.send_all();
}

bool Sending::stop() {
    if (!std::exchange(started_, false))
        return false;
    std::replace(loop_.sends_.begin(), loop_.sends_.end(), this, static_cast<Sending*>(nullptr));
    return true;
}

Timer::Timer(Loop& loop, std::function<void()> callback)
    : callback_(std::move(callback)), event_(event_new(loop.base(), -1, 0, on_timeout, this)) {
    if (event_ == nullptr)
        throw std::bad_alloc();
}

Timer::~Timer() {
    event_free(event_);
}

void Timer::start(std::chrono::milliseconds after) {
    deadline_ = base::Monotonic::now() + after;
    running_ = true;
    if (!armed_ || armed_for_ > deadline_)
        arm(after);
}

// It stays armed: to take it out, and to put it in again, costs more than a call for nothing now and then.
void Timer::stop() {
    running_ = false;
}

void Timer::arm(base::Monotonic::duration after) {
    using std::chrono::microseconds;
    // Rounded up: called too early, it would be armed once more.
    const auto micros = std::chrono::ceil<microseconds>(std::max(after, base::Monotonic::duration::zero())).count();
    timeval tv{};
    tv.tv_sec = micros / 1000000;
    tv.tv_usec = micros % 1000000;
    armed_ = event_add(event_, &tv) == 0;
    armed_for_ = deadline_;
}

void Timer::fire() {
    armed_ = false;
    if (!running_)
        return;
    const auto left = deadline_ - base::Monotonic::now();
    // libevent's clock is coarser than ours.
    if (left > std::chrono::milliseconds(1))
        return arm(left);
    running_ = false;
    callback_();
}

void Timer::on_timeout(int, short, void* self) noexcept {
    Loop::before_callback();
    static_cast<Timer*>(self)->fire();
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
    Loop::before_callback();
    static_cast<Watch*>(self)->callback_();
}

}  // namespace net
