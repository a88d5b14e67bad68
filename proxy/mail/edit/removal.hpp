// Entities that give way to a note.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "mail/edit/plan.hpp"

namespace mail::edit {

struct Removal {
    std::size_t entity = 0;
    std::string note{};  // UTF-8, lines end with LF
};

// Adds them to the plan; of those inside another one, nothing. A mail (or a message inside) that is only a body keeps
// its header but for the fields that describe the body. Error: it cannot be done.
base::Status plan_removals(std::string_view text, const mime::Tree& tree, const std::vector<Removal>& removals,
                           Plan& plan);

}  // namespace mail::edit
