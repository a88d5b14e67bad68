#include "doctor/run_checks.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace doctor {
namespace {

// Shared with the threads, which may outlive the run.
struct Board {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::optional<Findings>> found;
};

Findings guarded(const Check& check, const Setup& setup) {
    try {
        return check.run(setup);
    } catch (const std::exception& failed) {
        return {failure(check.name, fmt::format("could not be checked: {}", failed.what()),
                        "run it again; report it when it stays so")};
    }
}

// What is still awaited, on a terminal.
class Progress {
  public:
    explicit Progress(const std::vector<Check>& checks) : checks_(checks), terminal_(::isatty(STDERR_FILENO) == 1) {}

    void show(const Board& board) {
        if (!terminal_)
            return;
        std::string awaited;
        std::size_t done = 0;
        for (std::size_t i = 0; i < checks_.size(); ++i) {
            if (board.found[i])
                ++done;
            else
                awaited += (awaited.empty() ? "" : ", ") + std::string(checks_[i].name);
        }
        constexpr std::size_t kWidth = 60;
        fmt::print(stderr, "\r{}/{} waiting for: {}\x1b[K", done, checks_.size(), awaited.substr(0, kWidth));
        std::fflush(stderr);
    }
    void clear() const {
        if (terminal_) {
            fmt::print(stderr, "\r\x1b[K");
            std::fflush(stderr);
        }
    }

  private:
    const std::vector<Check>& checks_;
    bool terminal_;
};

}  // namespace

Findings run_checks(const std::vector<Check>& checks, const std::shared_ptr<const Setup>& setup) {
    const auto board = std::make_shared<Board>();
    board->found.resize(checks.size());
    const auto begun = base::Monotonic::now();
    for (std::size_t i = 0; i < checks.size(); ++i)
        std::thread([setup, board, check = checks[i], i] {
            auto findings = guarded(check, *setup);
            const std::lock_guard lock(board->mutex);
            board->found[i] = std::move(findings);
            board->changed.notify_all();
        }).detach();

    Progress progress(checks);
    Findings all;
    for (std::size_t i = 0; i < checks.size(); ++i) {
        Findings findings;
        {
            std::unique_lock lock(board->mutex);
            while (!board->found[i] && base::Monotonic::now() < begun + checks[i].limit) {
                progress.show(*board);
                board->changed.wait_until(lock, begun + checks[i].limit);
            }
            findings =
                board->found[i]
                    ? *board->found[i]
                    : Findings{failure(checks[i].name, fmt::format("not done within {} s", checks[i].limit.count()),
                                       "look for a name service or a network file system that does not answer")};
        }
        progress.clear();
        std::string text;
        for (const auto& finding : findings)
            text += to_text(finding);
        setup->request.print(text);
        append(all, std::move(findings));
    }
    return all;
}

}  // namespace doctor
