// Spool: takes the bytes of one mail as they arrive and seals them into a Message. What it is kept in stands behind
// this interface (session/spool_storage: memory up to 1 MiB, above that an unlinked file).
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "base/room.hpp"
#include "mail/message.hpp"

namespace mail {

class Spool {
  public:
    Spool() = default;
    Spool(const Spool&) = delete;
    Spool& operator=(const Spool&) = delete;
    virtual ~Spool() = default;

    // Error: no space, no memory. After an error further bytes are dropped and seal() fails too.
    virtual base::Status append(std::string_view text) = 0;
    // Where the octets that come next may be put, to be append()ed as they lie there, which copies nothing. Good until
    // the next append(); what has been put there must be read before it, but for the text itself. No room: append()
    // copies.
    virtual base::Room room() { return {}; }
    // At most once. `undotted`: as Message::undotted().
    virtual base::Result<MessagePtr> seal(bool undotted = false) = 0;
};

}  // namespace mail
