// WorkerThreads: a few threads for what blocks, and a bounded queue before them. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace directory {

class WorkerThreads {
  public:
    // Exactly one of the two is called, once: `run` on a thread, which is told its number, or `drop` when the threads
    // end before it was its turn. Neither throws.
    struct Job {
        std::function<void(std::size_t thread)> run;
        std::function<void()> drop;
    };

    // Signals go to none of the threads.
    WorkerThreads(std::size_t threads, std::size_t queue);
    // Waits for the jobs that have begun; drops the others.
    ~WorkerThreads();
    WorkerThreads(const WorkerThreads&) = delete;
    WorkerThreads& operator=(const WorkerThreads&) = delete;

    // False when the queue is full: the job is then left as it is.
    [[nodiscard]] bool add(Job& job);

  private:
    void work(std::size_t thread);

    const std::size_t limit_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Job> jobs_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace directory
