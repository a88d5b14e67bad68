#include "directory/thread_source.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "base/background_thread.hpp"

namespace directory {

using policy::Knowledge;
using policy::SourceAnswer;

struct ThreadSource::Desk {
    struct Question {
        unsigned long number;
        policy::RecipientAddress address;
    };
    std::shared_ptr<Oracle> oracle;
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<Question> questions;
    ThreadSource* source = nullptr;  // null: it has gone. Only used on its loop
    net::Loop* home = nullptr;       // null: it has gone
};

ThreadSource::ThreadSource(net::Loop& home, std::shared_ptr<Oracle> oracle)
    : home_(home), oracle_(std::move(oracle)), desk_(std::make_shared<Desk>()) {
    desk_->oracle = oracle_;
    desk_->source = this;
    desk_->home = &home;
    base::background_thread([desk = desk_] { work(desk); }).detach();
}

ThreadSource::~ThreadSource() {
    {
        const std::lock_guard lock(desk_->mutex);
        desk_->home = nullptr;
        desk_->source = nullptr;
        desk_->questions.clear();
    }
    desk_->wake.notify_one();
    for (auto& [number, waiting] : std::exchange(waiting_, {}))
        home_.post([done = std::move(waiting.done)] { done({Knowledge::kDown, "the source is shut down", {}}); });
}

void ThreadSource::ask(const policy::RecipientAddress& address, Done done) {
    const auto number = ++last_;
    auto& waiting = waiting_[number];
    waiting.done = std::move(done);
    waiting.patience = std::make_unique<net::Timer>(home_, [this, number] {
        answered(number, {Knowledge::kDown, "no answer in time", {}});
    });
    if (waiting_.size() > kMaxWaiting) {
        waiting.patience->start(std::chrono::milliseconds(0));
        return;
    }
    waiting.patience->start(kPatience);
    {
        const std::lock_guard lock(desk_->mutex);
        desk_->questions.push_back({number, address});
    }
    desk_->wake.notify_one();
}

void ThreadSource::answered(unsigned long number, SourceAnswer answer) {
    const auto found = waiting_.find(number);
    if (found == waiting_.end())
        return;  // patience was over
    auto done = std::move(found->second.done);
    home_.retire(std::move(found->second.patience));
    waiting_.erase(found);
    done(std::move(answer));
}

void ThreadSource::work(const std::shared_ptr<Desk>& desk) {
    std::unique_lock lock(desk->mutex);
    for (;;) {
        desk->wake.wait(lock, [&] { return !desk->questions.empty() || desk->home == nullptr; });
        if (desk->home == nullptr)
            return;
        const auto question = std::move(desk->questions.front());
        desk->questions.pop_front();
        lock.unlock();
        auto answer = desk->oracle->answer(question.address);
        lock.lock();
        if (desk->home == nullptr)
            return;
        desk->home->post([desk, number = question.number, answer = std::move(answer)]() mutable {
            if (desk->source != nullptr)
                desk->source->answered(number, std::move(answer));
        });
    }
}

}  // namespace directory
