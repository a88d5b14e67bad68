// A real zygote with real workers, run from this program's own code in a forked child, and a Pool on a loop of the
// test: what supervisor and proxy do, without them.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "base/channel.hpp"
#include "base/unique_fd.hpp"
#include "config/settings.hpp"
#include "net/loop.hpp"
#include "scanners/worker/pool.hpp"

namespace rig {

// Settings as small tests want them; signatures are the project's own.
config::Settings settings();

// A message in a sealed memfd.
mail::MessagePtr message(std::string bytes);
// The same, and to read it waits for nothing.
mail::MessagePtr message_in_memory(std::string bytes);

class ZygoteProcess {
  public:
    // kNobody: the child drops root before it starts. kBeside: it starts in the lowest scheduling class, and is taken
    // out of it when it asks (roles.hpp, 'L').
    enum class User { kAsIs, kNobody, kBeside };
    explicit ZygoteProcess(const config::Settings& settings, User user = User::kAsIs);
    ~ZygoteProcess();
    ZygoteProcess(const ZygoteProcess&) = delete;
    ZygoteProcess& operator=(const ZygoteProcess&) = delete;

    // First packet to the supervisor: 'R' or 'E' and text.
    [[nodiscard]] const std::string& first_words() const { return first_words_; }
    [[nodiscard]] bool ready() const { return first_words_.starts_with("R"); }
    // What it wrote to its log so far.
    [[nodiscard]] std::string log() const;
    // A new control channel, the proxy's end.
    base::UniqueFd serve();
    void hang_up() { channel_.reset(); }
    // Exit status as waitpid() gives it; waits at most 10 s (-1: still alive).
    int wait();
    [[nodiscard]] pid_t pid() const { return pid_; }

  private:
    pid_t pid_ = -1;
    base::UniqueFd channel_;
    base::UniqueFd log_;
    std::string first_words_;
};

// A loop on a thread of its own with a Pool on it.
class PoolThread {
  public:
    explicit PoolThread(scanners::PoolLimits limits = {});
    ~PoolThread();
    PoolThread(const PoolThread&) = delete;
    PoolThread& operator=(const PoolThread&) = delete;

    void adopt(base::UniqueFd control, std::uint32_t generation = 1);
    void expect_no_more();
    std::future<policy::ScanReport> submit(std::string bytes, std::string id = "test");
    std::future<policy::ScanReport> submit(mail::MessagePtr message, std::string id = "test");
    std::future<base::Result<scanners::EditAnswer>> submit_edit(std::string bytes, scanners::EditRequest request);
    // submit() and wait, 20 s at most (then the test fails by exception).
    policy::ScanReport scan(std::string bytes);
    scanners::Pool::Status status() const { return pool_->status(); }
    // Waits up to 10 s for status() to satisfy `condition`.
    template <typename Condition>
    bool eventually(Condition condition) {
        for (int i = 0; i < 1000; ++i) {
            if (condition(status()))
                return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        return false;
    }
    void destroy_pool();

  private:
    void on_loop(const std::function<void()>& task);
    net::Loop loop_;
    std::unique_ptr<scanners::Pool> pool_;
    std::thread thread_;
};

// The report of `scanner`, which must be there.
policy::ScanResult result_of(const policy::ScanReport& report, std::string_view scanner);

}  // namespace rig
