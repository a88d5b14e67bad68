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

    // `after_batch` runs when what has come together is done, and after each kPause without anything. No task throws.
    // `rest`: so long it sleeps after each batch, so that the next one is larger.
    explicit TaskThread(Task after_batch = {}, std::chrono::milliseconds rest = std::chrono::milliseconds(5));
    // Does what is left, then joins.
    ~TaskThread();
    TaskThread(const TaskThread&) = delete;
    TaskThread& operator=(const TaskThread&) = delete;

    void add(Task task);

  private:
    void run();

    Task after_batch_;
    const std::chrono::milliseconds rest_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<Task> tasks_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace explain
