// Packets between the proxy and the runner of check programs, over a SOCK_SEQPACKET channel.
//
// The runner starts what strangers' mail may have broken into: what it sends is checked like any input.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "scanners/check/verdict.hpp"

namespace scanners::check {

// To the runner, with the message's descriptor.
struct Job {
    std::uint32_t serial = 0;
    std::chrono::milliseconds time{0};  // then it is killed; up to an hour
    std::string name;                   // of the program's section: what is run is the runner's to know
    bool operator==(const Job&) const = default;
};
std::string encode(const Job& job);
std::optional<Job> decode_job(std::string_view packet);

// To the proxy.
struct Answer {
    std::uint32_t serial = 0;
    Ending ending;
    bool operator==(const Answer&) const = default;
};
std::string encode(const Answer& answer);
std::optional<Answer> decode_answer(std::string_view packet);

}  // namespace scanners::check
