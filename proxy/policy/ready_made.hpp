// Ready-made expressions: numbers and words that rules on the protection of data ask for, which an administrator can
// name instead of writing them.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "policy/expression.hpp"

namespace policy {

struct ReadyMade {
    std::string_view name;         // "cards"
    std::string_view description;  // one line for the manual
};

// All there are, in the order of the manual.
const std::vector<ReadyMade>& ready_made();

// The expression of that name; its entries have the origin "ready-made NAME". Nothing: there is none of that name.
std::optional<Expression> ready_made(std::string_view name);

}  // namespace policy
