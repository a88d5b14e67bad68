// A change of a mail: octets [begin, end) of the original give way to `text`.
#pragma once

#include <cstddef>
#include <string>

namespace mail {

struct RangeEdit {
    std::size_t begin = 0;
    std::size_t end = 0;  // the same: only inserted
    std::string text{};   // lines end with CRLF
    bool operator==(const RangeEdit&) const = default;
};

}  // namespace mail
