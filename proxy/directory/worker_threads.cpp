#include "directory/worker_threads.hpp"

#include <utility>

#include "base/background_thread.hpp"

namespace directory {

WorkerThreads::WorkerThreads(std::size_t threads, std::size_t queue) : limit_(queue) {
    for (std::size_t i = 0; i < threads; ++i)
        threads_.push_back(base::background_thread([this, i] { work(i); }));
}

WorkerThreads::~WorkerThreads() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_)
        thread.join();
    for (auto& job : jobs_)
        job.drop();
}

bool WorkerThreads::add(Job& job) {
    {
        const std::lock_guard lock(mutex_);
        if (jobs_.size() >= limit_ || stopping_)
            return false;
        jobs_.push_back(std::move(job));
    }
    wake_.notify_one();
    return true;
}

void WorkerThreads::work(std::size_t thread) {
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return !jobs_.empty() || stopping_; });
        if (stopping_)
            return;
        auto job = std::move(jobs_.front());
        jobs_.pop_front();
        lock.unlock();
        job.run(thread);
        job = {};  // what it holds dies outside the lock
        lock.lock();
    }
}

}  // namespace directory
