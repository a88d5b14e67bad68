#include "explain/task_thread.hpp"

#include <utility>

#include "base/background_thread.hpp"

namespace explain {

TaskThread::TaskThread(Task after_batch, std::chrono::milliseconds rest)
    : after_batch_(std::move(after_batch)), rest_(rest) {
    thread_ = base::background_thread([this] { run(); });
}

TaskThread::~TaskThread() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void TaskThread::add(Task task) {
    {
        const std::lock_guard lock(mutex_);
        tasks_.push_back(std::move(task));
    }
    wake_.notify_one();
}

void TaskThread::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait_for(lock, kPause, [this] { return !tasks_.empty() || stopping_; });
        if (tasks_.empty() && stopping_)
            return;
        auto batch = std::exchange(tasks_, {});
        lock.unlock();
        for (auto& task : batch) {
            task();
            task = nullptr;  // what it holds dies outside the lock, and before the next one
        }
        if (after_batch_)
            after_batch_();
        // What comes meanwhile wakes nobody, and is written together.
        std::this_thread::sleep_for(rest_);
        lock.lock();
    }
}

}  // namespace explain
