#include "scanners/clamav/clean_memory.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

namespace scanners::clamav {
namespace {

// What stands where there is none; never remembered.
constexpr base::Fingerprint kNone{};

}  // namespace

CleanMemory::CleanMemory(std::size_t most)
    : sets_(most == 0 ? 0 : std::bit_ceil((most + kTogether - 1) / kTogether), Set{}) {}

std::size_t CleanMemory::set_of(const base::Fingerprint& fingerprint) const {
    std::uint64_t first = 0;
    std::memcpy(&first, fingerprint.data(), sizeof first);
    return first & (sets_.size() - 1);
}

bool CleanMemory::has(const base::Fingerprint& fingerprint) const {
    if (sets_.empty() || fingerprint == kNone)
        return false;
    const auto& set = sets_[set_of(fingerprint)];
    return std::find(set.begin(), set.end(), fingerprint) != set.end();
}

void CleanMemory::add(const base::Fingerprint& fingerprint) {
    if (sets_.empty() || fingerprint == kNone)
        return;
    auto& set = sets_[set_of(fingerprint)];
    const auto place = std::find(set.begin(), set.end() - 1, fingerprint);
    std::rotate(set.begin(), place, place + 1);
    set.front() = fingerprint;
}

}  // namespace scanners::clamav
