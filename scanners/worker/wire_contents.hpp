// Contents (policy/contents.hpp) as a part of a worker's answer:
//
//   items(2)    { kind(1) parent(2) layer(2) marks(2) entity(2) size(8) names(1) { name(1+n) } declared_type(1+n)
//                 true_type(1+n) charset(1+n) }
//   exceeded(1) { limit(1) item(2) value(8) }
//   hits(2)     { expression(4) item(2) score(4) excerpt(1+n) }
//   defects(8) expression_set(4) subject(1+n) from(1+n)
//   fields(2)   { name(1+n) count(2) malformed(1) values(2) { value(2+n) } }
//   malformed_field(1+n) languages(1) { language(1+n) } writings(2)
//
// Texts are UTF-8 without control characters. What a worker says is hostile until it has been read here: an item stands
// behind its parent, one layer deeper at most, and every other number points to an item that is there.
#pragma once

#include "policy/contents.hpp"
#include "scanners/worker/wire_codec.hpp"

namespace scanners::wire {

// At most `room` octets: items that do not fit are left out, and the answer says so (ContentLimit::kFacts). `room` is
// at least kLeastContents.
inline constexpr std::size_t kLeastContents = 4096;
Writer encode_contents(const policy::Contents& contents, std::size_t room);

policy::Contents read_contents(Reader& reader);

}  // namespace scanners::wire
