// Sends mails for a benchmark, and prints what came of it as one line of JSON: see `usage`.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <getopt.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "sender.hpp"

namespace {

constexpr const char* kUsage =
    "usage: bench_send [OPTION]... HOST:PORT [FILE|DIRECTORY]...   SIGTERM: no message begins any more\n"
    "  -s SESSIONS   at once (1)\n"
    "  -r MESSAGES   on each connection (1)\n"
    "  -n MESSAGES   at most\n"
    "  -t SECONDS    after which no message begins\n"
    "  -R RATE       messages a second, each due at its time, from which its latency counts\n"
    "  -w SECONDS    without any reply, after which it has stalled (10)\n"
    "  -f SENDER, -o RECIPIENT\n"
    "  -c            after the time the mails given are still sent to the last, so that all are sent equally often\n"
    "  -T            no text ends before each session has sent its own; needs -n\n"
    "  -l FILE       write there when each message began or was due (seconds of the monotonic clock), and its ms\n"
    "  -I            only greet; then wait for the end of standard input\n";

[[noreturn]] void usage() {
    std::fputs(kUsage, stderr);
    std::exit(2);
}

double number_of(const char* text) {
    char* end = nullptr;
    const double value = std::strtod(text, &end);
    if (end == text || *end != '\0' || value < 0 || value > 1e9)
        usage();
    return value;
}

std::chrono::milliseconds time_of(const char* text) {
    return std::chrono::milliseconds(static_cast<long>(number_of(text) * 1000));
}

sockaddr_in server_of(const std::string& words) {
    sockaddr_in server{};
    server.sin_family = AF_INET;
    const auto colon = words.find(':');
    if (colon == std::string::npos || ::inet_pton(AF_INET, words.substr(0, colon).c_str(), &server.sin_addr) != 1)
        usage();
    server.sin_port = htons(static_cast<in_port_t>(number_of(words.c_str() + colon + 1)));
    return server;
}

bench::Load load_of(int count, char** arguments, std::string& times) {
    bench::Load load;
    for (int option = 0; (option = ::getopt(count, arguments, "s:r:n:t:R:w:f:o:l:cTI")) != -1;) {
        switch (option) {
            case 's':
                load.sessions = static_cast<unsigned>(number_of(optarg));
                break;
            case 'r':
                load.messages_per_connection = static_cast<unsigned>(number_of(optarg));
                break;
            case 'n':
                load.messages = static_cast<std::uint64_t>(number_of(optarg));
                break;
            case 't':
                load.time = time_of(optarg);
                break;
            case 'R':
                load.rate = number_of(optarg);
                break;
            case 'l':
                times = optarg;
                load.timed = true;
                break;
            case 'w':
                load.patience = time_of(optarg);
                break;
            case 'f':
                load.sender = optarg;
                break;
            case 'o':
                load.recipient = optarg;
                break;
            case 'c':
                load.rounds = true;
                break;
            case 'T':
                load.together = true;
                break;
            case 'I':
                load.idle = true;
                break;
            default:
                usage();
        }
    }
    const bool endless = load.messages == 0 && load.time.count() == 0;
    if (optind >= count || load.sessions == 0 || (load.together && load.messages == 0) || (endless && !load.idle) ||
        (load.rate > 0 && load.messages_per_connection > 1))
        usage();
    load.server = server_of(arguments[optind]);
    return load;
}

// 10,000 sessions need as many descriptors.
void raise_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max = std::max<rlim_t>(limit.rlim_max, 65536);
    if (::setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return;
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

double quantile(std::vector<float>& sorted, double which) {
    if (sorted.empty())
        return 0;
    return static_cast<double>(
        sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(which * static_cast<double>(sorted.size())))]);
}

std::string quoted(const std::string& words) {
    std::string result = "\"";
    for (const char c : words) {
        if (c == '"' || c == '\\')
            result += '\\';
        result += static_cast<unsigned char>(c) < ' ' || static_cast<unsigned char>(c) > '~' ? '?' : c;
    }
    return result + '"';
}

double own_cpu() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

void print(const bench::Outcome& outcome, double cpu) {
    auto times = outcome.milliseconds;
    std::sort(times.begin(), times.end());
    fmt::print(
        R"({{"messages": {}, "refused": {}, "lost": {}, "octets": {}, "greeted": {}, "stalled": {}, "seconds": {:.6f}, )"
        R"("median_ms": {:.4f}, "p99_ms": {:.4f}, "max_ms": {:.4f}, "sender_cpu": {:.6f}, "trouble": {}}})"
        "\n",
        outcome.messages, outcome.refused, outcome.lost, outcome.octets, outcome.greeted, outcome.stalled,
        outcome.seconds, quantile(times, 0.5), quantile(times, 0.99),
        times.empty() ? 0.0 : static_cast<double>(times.back()), cpu, quoted(outcome.trouble));
    std::fflush(stdout);
}

void write_times(const std::string& path, const bench::Outcome& outcome) {
    std::ofstream file(path);
    for (const auto& message : outcome.times)
        file << fmt::format("{:.6f} {:.4f}\n", message.begun, message.milliseconds);
    if (!file.flush())
        throw std::runtime_error("cannot write " + path);
}

int work(int count, char** arguments) {
    std::string times;
    const auto load = load_of(count, arguments, times);
    std::vector<bench::Text> texts;
    if (!load.idle)
        for (const auto& text : bench::read_texts({arguments + optind + 1, arguments + count}))
            texts.push_back(bench::on_the_wire(text));
    raise_limit();
    ::signal(SIGTERM, [](int) { bench::Sender::stop(); });
    const auto before = own_cpu();
    bench::Sender sender(load, texts);
    const auto& outcome = sender.run();
    if (load.timed)
        write_times(times, outcome);
    print(outcome, own_cpu() - before);
    if (load.idle) {
        std::array<char, 64> nothing;
        while (::read(STDIN_FILENO, nothing.data(), nothing.size()) > 0)
            continue;
    }
    return 0;
}

}  // namespace

int main(int count, char** arguments) {
    try {
        return work(count, arguments);
    } catch (const std::exception& problem) {
        fmt::print(stderr, "bench_send: {}\n", problem.what());
        return 1;
    }
}
