#include "base/log.hpp"

#include <limits.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "base/clock.hpp"

namespace base::log {
namespace {

constexpr size_t kQueueLimit = 20000;  // lines; at 200 bytes each about 4 MB

// A busy writer rests so long after each round: what comes meanwhile needs nobody to be woken, and shares a write.
constexpr std::chrono::milliseconds kRest{5};

struct Line {
    Level level;
    std::string text;
    Wall::time_point when;
};

struct Writer {
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<Line> queue;
    std::uint64_t dropped = 0;
    bool running = false;
    bool stopping = false;
    std::thread thread;
};

Target target = Target::kStderr;
std::string ident = "sandwichd";
std::atomic<Level> lowest_level{Level::kInfo};

Writer& writer() {
    static Writer instance;
    return instance;
}

int priority(Level level) {
    switch (level) {
        case Level::kDebug:
            return LOG_DEBUG;
        case Level::kInfo:
            return LOG_INFO;
        case Level::kNotice:
            return LOG_NOTICE;
        case Level::kWarning:
            return LOG_WARNING;
        case Level::kError:
            return LOG_ERR;
        case Level::kCritical:
            return LOG_CRIT;
    }
    return LOG_ERR;
}

std::string_view level_name(Level level) {
    static constexpr std::string_view kNames[] = {"debug", "info", "notice", "warning", "error", "critical"};
    return kNames[static_cast<size_t>(level)];
}

// Whole lines, in writes that a pipe takes as one (PIPE_BUF), so that lines of several processes do not mix. A lost
// line has nowhere to be told.
class Output {
  public:
    Output() = default;
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;
    ~Output() { flush(); }

    void add(const Line& line) {
        if (target == Target::kSyslog) {
            ::syslog(priority(line.level), "%s", line.text.c_str());
            return;
        }
        const auto text =
            fmt::format("{} {}[{}] {}: {}\n", iso8601(line.when), ident, process_, level_name(line.level), line.text);
        if (text_.size() + text.size() > PIPE_BUF)
            flush();
        text_ += text;
    }

  private:
    void flush() {
        if (!text_.empty()) {
            [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text_.data(), text_.size());
        }
        text_.clear();
    }

    const pid_t process_ = ::getpid();  // once for all lines: it is a system call
    std::string text_;
};

void run_writer() {
    auto& w = writer();
    std::unique_lock lock(w.mutex);
    for (;;) {
        w.wake.wait(lock, [&w] { return !w.queue.empty() || w.stopping; });
        if (w.queue.empty())
            return;
        std::deque<Line> batch;
        batch.swap(w.queue);
        const auto dropped = std::exchange(w.dropped, 0);
        const bool stopping = w.stopping;
        lock.unlock();
        {
            Output output;
            for (const auto& line : batch)
                output.add(line);
            if (dropped > 0)
                output.add({kLogLost.level, fmt::format("{}: {} lines", kLogLost.name, dropped), Wall::now()});
        }
        if (!stopping)
            std::this_thread::sleep_for(kRest);
        lock.lock();
    }
}

}  // namespace

void open(Target new_target, std::string_view new_ident, Level lowest) {
    target = new_target;
    ident = new_ident;
    lowest_level = lowest;
    if (target == Target::kSyslog)
        ::openlog(ident.c_str(), LOG_PID | LOG_NDELAY, LOG_MAIL);
}

void set_level(Level lowest) {
    lowest_level = lowest;
}

void start_writer() {
    auto& w = writer();
    const std::lock_guard lock(w.mutex);
    w.running = true;
    w.stopping = false;
    w.thread = std::thread(run_writer);
}

void stop_writer() {
    auto& w = writer();
    {
        const std::lock_guard lock(w.mutex);
        if (!w.running)
            return;
        w.running = false;
        w.stopping = true;
    }
    w.wake.notify_one();
    w.thread.join();
}

void write(Level level, std::string_view text) {
    if (level < lowest_level.load(std::memory_order_relaxed))
        return;
    Line line{level, escape(text), Wall::now()};
    if (line.text.size() > kMaxLine) {
        line.text.resize(kMaxLine - 3);
        line.text += "...";
    }
    auto& w = writer();
    std::unique_lock lock(w.mutex);
    if (!w.running) {
        lock.unlock();
        Output().add(line);
        return;
    }
    if (w.queue.size() >= kQueueLimit) {
        ++w.dropped;
        return;
    }
    w.queue.push_back(std::move(line));
    lock.unlock();
    w.wake.notify_one();
}

std::string escape(std::string_view text) {
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const auto plain = std::find_if(text.begin(), text.end(), is_control);
        out.append(text.begin(), plain);
        text.remove_prefix(static_cast<std::size_t>(plain - text.begin()));
        if (text.empty())
            break;
        out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
        text.remove_prefix(1);
    }
    return out;
}

}  // namespace base::log
