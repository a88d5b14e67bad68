// Where a mail's bytes live while it passes: memory up to kSpoolInMemory, above that an unlinked file in the spool
// directory.
//
// Nothing here survives the process, on purpose (invariant 2: no queue, no file to process after a crash).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "mail/spool.hpp"

namespace session {

// 1.125 MiB: a mail of 1 MiB with its header.
inline constexpr std::size_t kSpoolInMemory = (1U << 20U) + (128U << 10U);  // octets

// `directory` must exist and be writable; it is used only by mails above kSpoolInMemory. `expected`: how many octets
// are announced, as far as that is known; any number is right, a good one spares moving them.
std::unique_ptr<mail::Spool> make_spool(std::string directory, std::uint64_t expected = 0);

}  // namespace session
