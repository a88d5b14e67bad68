// CleanMemory: fingerprints of files in which nothing was found, as many as there is room for. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "base/fingerprint.hpp"

namespace scanners::clamav {

class CleanMemory {
  public:
    // `most`: fingerprints, of 16 octets each, rounded up to a power of two; 0: none.
    explicit CleanMemory(std::size_t most);

    [[nodiscard]] bool has(const base::Fingerprint& fingerprint) const;
    // In the place of one that has been there for longer, when its set is full.
    void add(const base::Fingerprint& fingerprint);

  private:
    static constexpr std::size_t kTogether = 4;
    using Set = std::array<base::Fingerprint, kTogether>;  // the newest first; zeros: none

    [[nodiscard]] std::size_t set_of(const base::Fingerprint& fingerprint) const;

    std::vector<Set> sets_;
};

}  // namespace scanners::clamav
