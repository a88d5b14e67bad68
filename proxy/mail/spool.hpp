// Spool: takes the bytes of one mail as they arrive and seals them into a Message. What it is kept in stands behind
// this interface (session/spool_storage: memory up to 1 MiB, above that an unlinked file).
#pragma once

#include <string_view>

#include "base/result.hpp"
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
    // At most once.
    virtual base::Result<MessagePtr> seal() = 0;
};

}  // namespace mail
