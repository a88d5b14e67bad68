// Keywords as they are looked for: in the form of the text, and as a regular expression where they have wildcards.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "policy/expression.hpp"

namespace scanners::content {

struct Keyword {
    bool literal = true;
    std::string pattern;  // literal octets, or a regular expression
    std::string filter;   // of a regular expression: one that matches wherever it does, and is cheap for Vectorscan
};

// Normalises a keyword as texts are. Error: there is nothing to look for.
base::Result<Keyword> read_keyword(const policy::Entry& entry);

// Nothing that is part of a word touches text[begin, end) where its own edge is part of a word.
bool stands_alone(std::string_view text, std::size_t begin, std::size_t end);

}  // namespace scanners::content
