// What bombs cost, and which limit stops them: each mail through a worker of its own, behind its sandbox, with all that
// a worker does (libclamav with the test signatures, too) under the limits of the default configuration.
//
// A line each: milliseconds, the memory that the worker took at most beside what it has when it starts (MiB), what lay
// in its temporary directory at most (MiB, looked at each 5 ms), the limits.
//
//   bench_limits [FILE...]     without a file: bombs of every kind, made here; files become attachments
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "config/load.hpp"
#include "test/unit/scanners/bombs.hpp"
#include "test/unit/scanners/rig.hpp"

namespace {

// The only child of the zygote.
std::string worker_of(pid_t zygote) {
    std::ifstream file(fmt::format("/proc/{0}/task/{0}/children", zygote));
    std::string worker;
    file >> worker;
    return worker;
}

// In MiB.
double peak_memory(const std::string& worker) {
    std::ifstream file("/proc/" + worker + "/status");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("VmHWM:"))
            return std::strtod(line.c_str() + 6, nullptr) / 1024;
    return 0;
}

// In MiB; only of a file system of its own, which it is when root runs this.
double in_directory(const std::string& worker) {
    struct statfs status {};
    if (::statfs(("/proc/" + worker + "/cwd").c_str(), &status) != 0 || status.f_type != TMPFS_MAGIC)
        return 0;
    return static_cast<double>(status.f_blocks - status.f_bfree) * static_cast<double>(status.f_bsize) / (1 << 20);
}

void scan(const config::Settings& settings, const bombs::Bomb& bomb) {
    rig::ZygoteProcess zygote(settings);
    if (!zygote.ready()) {
        fmt::print("{}\n", zygote.first_words());
        return;
    }
    rig::PoolThread pool;
    pool.adopt(zygote.serve());
    pool.eventually([](const auto& status) { return status.workers == 1; });
    const auto worker = worker_of(zygote.pid());
    const auto before = peak_memory(worker);
    std::atomic<bool> over = false;
    double directory = 0;
    std::thread watch([&] {
        while (!over) {
            directory = std::max(directory, in_directory(worker));
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    });
    const auto began = std::chrono::steady_clock::now();
    auto answer = pool.submit(bomb.mail);
    const auto report = answer.get();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
    over = true;
    watch.join();
    std::string limits;
    for (const auto& one : report.contents.exceeded)
        limits.append(" ").append(policy::to_string(one.limit));
    fmt::print("{:<34} {:>9} {:>9.1f} {:>9.1f} {:>9.1f}  {}{}\n", bomb.name, bomb.mail.size(), took.count(),
               peak_memory(worker) - before, directory, report.worker_lost ? "WORKER LOST" : "", limits);
    std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) {
    auto settings = rig::settings();
    const auto plain = config::parse({}).settings.value();
    settings.worker_count = 1;
    settings.scan_timeout = plain.scan_timeout;
    settings.worker_memory_limit = plain.worker_memory_limit;
    settings.worker_tmp_size = plain.worker_tmp_size;
    settings.content_limits = plain.content_limits;
    std::vector<bombs::Bomb> wanted;
    for (int i = 1; i < count; ++i) {
        std::ifstream file(arguments[i], std::ios::binary);
        const std::string path = arguments[i];
        const auto name = path.substr(path.rfind('/') + 1);
        wanted.push_back({name, "", bombs::mail_with(name, {std::istreambuf_iterator<char>(file), {}})});
    }
    if (wanted.empty())
        wanted = bombs::all(256);
    fmt::print("{:<34} {:>9} {:>9} {:>9} {:>9}  {}\n", "", "octets", "ms", "memory", "directory", "limits");
    for (const auto& bomb : wanted)
        scan(settings, bomb);
    return 0;
}
