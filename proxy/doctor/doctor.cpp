#include "doctor/doctor.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/log.hpp"
#include "doctor/local_checks.hpp"
#include "doctor/network_checks.hpp"
#include "doctor/probe.hpp"
#include "doctor/side_by_side.hpp"

namespace doctor {
namespace {

struct Check {
    const char* name;
    Findings (*run)(const Setup&);
    std::chrono::seconds limit;  // then nobody waits for it any more
};

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

std::vector<Check> checks_for(const Setup& setup) {
    const auto patience = setup.request.patience;
    const auto usual = 4 * patience + std::chrono::seconds(60);
    std::vector<Check> checks;
    if (setup.proxy_expected())
        checks.push_back({"configuration", check_configuration, usual});
    checks.push_back({"sendmail.cf", check_sendmail_pair, usual});
    if (!setup.settings) {
        // A box without sandwichd; or what its settings say is not known.
        checks.push_back({"ports", check_ports, usual});
        checks.push_back({"queue runners", check_queues, usual});
        checks.push_back({"clock", check_clock, usual});
        return checks;
    }
    const auto rounds = static_cast<long>(count_routes(setup) / kSideBySide + 1);
    const auto probe = setup.request.probe_patience() + std::chrono::seconds(30);
    checks.insert(checks.end(), {{"sandwichd", check_daemon, std::chrono::seconds(40)},
                                 {"ports", check_ports, usual},
                                 {"allow list", check_allow_list, usual},
                                 {"routes", check_routes, rounds * (usual + 16 * patience)},
                                 {"sources", check_sources, 4 * usual},
                                 {"log-in", check_logins, 4 * usual},
                                 {"scanners", check_scanners, 16 * usual},
                                 {"queue runners", check_queues, usual},
                                 {"clock", check_clock, usual},
                                 {"signatures", check_signatures, usual},
                                 {"disk", check_disk, usual},
                                 {"rights", check_rights, usual}});
    if (setup.request.probe)
        checks.push_back({"probe", check_probe, 2 * probe});
    return checks;
}

}  // namespace

int run(Request request) {
    // Libraries of the daemon's log what is told here anyway.
    base::log::open(base::log::Target::kStderr, "sandwichctl", base::log::Level::kCritical);
    const auto setup = make_setup(std::move(request));
    const auto checks = checks_for(*setup);
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
    setup->request.print(summary(all));
    if (!setup->settings && setup->proxy_expected())
        setup->request.print("The configuration cannot be read, so most was not checked.\n");
    return exit_status(all);
}

}  // namespace doctor
