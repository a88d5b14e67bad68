// From matches to a score: weights, caps, distinct values, proximity. Pure. Inside of expressions.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "scanners/content/compiled.hpp"

namespace scanners::content {

// A match of one entry; octets of the copy (Form) that the entry looks at.
struct Found {
    std::uint32_t entry = 0;
    std::size_t begin = 0;
    std::size_t end = 0;
};

// The copies of one text.
using Copies = std::array<std::string_view, kForms>;

// What makes two matches of an entry the same: its text, a number without its separators.
std::string value_of(const CompiledEntry& entry, const Copies& copies, const Found& found);

struct Score {
    std::uint32_t sum = 0;
    const Found* first = nullptr;  // that counted; nothing: none did
};

// `found` are all of one expression, ascending by where they begin.
Score score(const Compiled& compiled, const CompiledExpression& expression, const Copies& copies,
            std::span<const Found> found);

// For people: at most policy::kMaxExcerpt octets, no control characters; of a number only its end is shown, because
// logs and notices must not become the leak.
std::string excerpt(const CompiledEntry& entry, const Copies& copies, const Found& found);

}  // namespace scanners::content
