#include "scanners/check/wire.hpp"

#include <fmt/format.h>

#include <charconv>

namespace scanners::check {
namespace {

constexpr std::size_t kMaxJobName = 100;
constexpr std::uint32_t kLongest = 3600 * 1000;  // milliseconds

// The number in front of a blank, which goes, too.
std::optional<std::uint32_t> take_number(std::string_view& text) {
    std::uint32_t value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    const auto used = static_cast<std::size_t>(end - text.data());
    if (failure != std::errc() || used >= text.size() || text[used] != ' ')
        return std::nullopt;
    text.remove_prefix(used + 1);
    return value;
}

}  // namespace

std::string encode(const Job& job) {
    return fmt::format("J{} {} {}", job.serial, job.time.count(), job.name);
}

std::optional<Job> decode_job(std::string_view packet) {
    if (!packet.starts_with('J'))
        return std::nullopt;
    packet.remove_prefix(1);
    const auto serial = take_number(packet);
    const auto time = serial ? take_number(packet) : std::nullopt;
    if (!time || *time > kLongest || packet.empty() || packet.size() > kMaxJobName)
        return std::nullopt;
    return Job{*serial, std::chrono::milliseconds(*time), std::string(packet)};
}

std::string encode(const Answer& answer) {
    return fmt::format("A{} {}{} {}", answer.serial, static_cast<char>(answer.ending.kind), answer.ending.number,
                       std::string_view(answer.ending.line).substr(0, kMaxLine));
}

std::optional<Answer> decode_answer(std::string_view packet) {
    if (!packet.starts_with('A'))
        return std::nullopt;
    packet.remove_prefix(1);
    const auto serial = take_number(packet);
    if (!serial || packet.empty())
        return std::nullopt;
    const auto kind = static_cast<Ending::Kind>(packet.front());
    if (kind != Ending::Kind::kExit && kind != Ending::Kind::kSignal && kind != Ending::Kind::kDeadline &&
        kind != Ending::Kind::kNotStarted)
        return std::nullopt;
    packet.remove_prefix(1);
    const auto number = take_number(packet);
    if (!number || *number > 255 || packet.size() > kMaxLine)
        return std::nullopt;
    return Answer{*serial, {kind, *number, std::string(packet)}};
}

}  // namespace scanners::check
