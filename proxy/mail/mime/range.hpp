// Range: a stretch of octets of a text, by offsets, so that it can be cut out or replaced later.
#pragma once

#include <cstddef>
#include <string_view>

namespace mail::mime {

struct Range {
    std::size_t begin = 0;
    std::size_t end = 0;

    [[nodiscard]] std::size_t size() const { return end - begin; }
    [[nodiscard]] bool empty() const { return begin == end; }
    [[nodiscard]] std::string_view of(std::string_view text) const { return text.substr(begin, end - begin); }
    bool operator==(const Range&) const = default;
};

}  // namespace mail::mime
