// Wanted: which facts about a mail cost something and are gathered only because a rule asks for them. The workers are
// told once, when they are made.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "policy/condition.hpp"
#include "policy/expression.hpp"

namespace policy {

struct Wanted {
    std::vector<std::string> fields{};  // names of header fields, lower case, ascending
    bool malformed = false;             // whether any field is malformed
    bool language = false;
    bool writing = false;
    bool every_type = false;  // of files, those too that nothing but libmagic knows

    [[nodiscard]] bool nothing() const { return fields.empty() && !malformed && !language && !writing && !every_type; }
    [[nodiscard]] bool text() const { return language || writing; }
    bool operator==(const Wanted&) const = default;
};

// Adds what this condition, or one below it, asks for.
void add_wanted(Wanted& wanted, const Condition& condition);

// A number that tells these expressions and wishes from any others, with all likelihood; 0: there are none.
std::uint32_t expression_set(const std::vector<Expression>& expressions, const Wanted& wanted);

}  // namespace policy
