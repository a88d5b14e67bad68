// Which entities of a mail have to go so that something in it is gone. Pure.
//
// Only what every reader of the mail sees in the same way can be cut out of it. For all else the answer is an Error,
// and the caller holds the mail instead.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.hpp"
#include "policy/contents.hpp"

namespace policy {

// Entities (Item::entity), ascending, none inside another, that hold `items` (indexes of Contents::items): of what lies
// in an archive, a document or an encoded message, the one around it. Error: why not, for the log.
base::Result<std::vector<std::uint16_t>> removable(const Contents& contents, const std::vector<std::uint16_t>& items);

// Of every attachment: what is neither a multipart around others nor text that people read, and multiparts that say
// they are one; messages are attachments. May be empty.
base::Result<std::vector<std::uint16_t>> attachments(const Contents& contents);

}  // namespace policy
