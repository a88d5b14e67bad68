// TaskThread: a thread that does one task after the other. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace explain {

class TaskThread {
  public:
    using Task = std::function<void()>;

    static constexpr std::chrono::hours kPause{1};
    static constexpr std::chrono::milliseconds kRest{5};  // after each batch

    // `after_batch` runs when what has come together is done, and after each kPause without anything. No task throws.
    explicit TaskThread(Task after_batch = {});
    // Does what is left, then joins.
    ~TaskThread();
    TaskThread(const TaskThread&) = delete;
    TaskThread& operator=(const TaskThread&) = delete;

    void add(Task task);

  private:
    void run();

    Task after_batch_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<Task> tasks_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace explain
