// Where a mail's bytes live while it passes: memory up to 1 MiB, above that an unlinked file in the spool directory.
//
// Nothing here survives the process, on purpose (invariant 2: no queue, no file to process after a crash).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "mail/spool.hpp"

namespace session {

inline constexpr std::size_t kSpoolInMemory = 1 << 20;  // octets

// `directory` must exist and be writable; it is used only by mails above kSpoolInMemory. `expected`: how many octets
// are announced, as far as that is known; any number is right, a good one spares moving them.
std::unique_ptr<mail::Spool> make_spool(std::string directory, std::uint64_t expected = 0);

}  // namespace session
