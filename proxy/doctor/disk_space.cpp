#include "doctor/disk_space.hpp"

#include <fmt/format.h>

namespace doctor {
namespace {

std::string in_words(std::uint64_t octets) {
    constexpr std::uint64_t kMebi = 1 << 20;
    return octets >= 10 * 1024 * kMebi ? fmt::format("{} GiB", octets / (1024 * kMebi))
                                       : fmt::format("{} MiB", octets / kMebi);
}

}  // namespace

Finding judge_disk(const DiskFacts& facts) {
    constexpr std::uint64_t kLittle = 64 << 20;  // octets; where no floor is set
    constexpr std::uint64_t kFewInodes = 1000;
    const auto about = fmt::format("disk of {}", facts.what);
    if (!facts.missing.empty())
        return failure(about, fmt::format("{}: {}", facts.path, facts.missing),
                       "make the directory, or correct the setting");
    const auto text = fmt::format("{}: {} free of {}", facts.path, in_words(facts.free), in_words(facts.size));
    const std::string cure = "make room on that file system, or put the directory on a larger one";
    if (facts.floor > 0 && facts.free < facts.floor)
        return failure(
            about,
            fmt::format("{}, less than the floor of {}: mail waits in the inbound queue", text, in_words(facts.floor)),
            cure);
    if (facts.inodes > 0 && facts.free_inodes == 0)
        return failure(about, fmt::format("{}: no inode is free", facts.path), cure);
    const auto least = facts.floor > 0 ? 2 * facts.floor : kLittle;
    if (facts.free < least)
        return facts.free < kLittle / 8 ? failure(about, text, cure) : warning(about, text, cure);
    if (facts.inodes > 0 && (facts.free_inodes < kFewInodes || facts.free_inodes < facts.inodes / 50))
        return warning(about, fmt::format("{}: {} inodes free of {}", facts.path, facts.free_inodes, facts.inodes),
                       cure);
    return fine(about, text);
}

}  // namespace doctor
