#include "inspect/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace inspect {
namespace {

constexpr std::chrono::milliseconds kRedraw{100};
constexpr std::chrono::seconds kLines{10};
constexpr std::size_t kWidth = 40;

}  // namespace

std::string progress_bar(std::size_t done, std::size_t total, std::size_t width) {
    const auto filled = total == 0 ? width : width * std::min(done, total) / total;
    return fmt::format("[{}{}]", std::string(filled, '#'), std::string(width - filled, ' '));
}

Progress::Progress(std::string what, std::size_t total)
    : what_(std::move(what)), total_(total), terminal_(::isatty(STDERR_FILENO) == 1), last_(base::Monotonic::now()) {}

void Progress::show(std::size_t done) {
    const auto now = base::Monotonic::now();
    if (now - last_ < (terminal_ ? std::chrono::milliseconds(kRedraw) : std::chrono::milliseconds(kLines)))
        return;
    last_ = now;
    if (!terminal_) {
        fmt::print(stderr, "sandwichctl: {} of {} {}\n", done, total_, what_);
        return;
    }
    fmt::print(stderr, "\r{} {}/{} {}\x1b[K", progress_bar(done, total_, kWidth), done, total_, what_);
    std::fflush(stderr);
    shown_ = true;
}

void Progress::clear() {
    if (!std::exchange(shown_, false))
        return;
    fmt::print(stderr, "\r\x1b[K");
    std::fflush(stderr);
}

}  // namespace inspect
