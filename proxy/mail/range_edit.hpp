// A change of a mail: octets [begin, end) of the original give way to `text`.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace mail {

struct RangeEdit {
    std::size_t begin = 0;
    std::size_t end = 0;  // the same: only inserted
    std::string text{};   // lines end with CRLF
    bool operator==(const RangeEdit&) const = default;
};

// Whether `edits` may be made in `mail` (canonical text), whoever thought of them: ascending and apart from each other,
// inside the mail, no line end cut or left bare (invariant 7), and in the mail's own header section only whole fields
// that describe its body: Content-..., MIME-Version. Linear.
base::Status check_edits(std::string_view mail, const std::vector<RangeEdit>& edits);

}  // namespace mail
