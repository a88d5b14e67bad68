// Where a mail's bytes live while it passes: in memory up to kSpoolInMemory, from kBlockFrom on such as can be given to
// the network without a copy (spool_block.hpp); above that in an unlinked file in the spool directory.
//
// Nothing here survives the process, on purpose (invariant 2: no queue, no file to process after a crash).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "mail/spool.hpp"
#include "session/spool_block.hpp"

namespace session {

inline constexpr std::size_t kSpoolInMemory = SpoolBlock::kSize;  // octets
inline constexpr std::size_t kBlockFrom = 80U << 10U;             // octets

// `directory` must exist and be writable; it is used only by mails above kSpoolInMemory. `expected`: how many octets
// are announced, as far as that is known; any number is right, a good one spares moving them.
std::unique_ptr<mail::Spool> make_spool(std::string directory, std::uint64_t expected = 0);

}  // namespace session
