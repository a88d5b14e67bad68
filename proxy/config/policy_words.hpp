// The words of the policy files: conditions ("if = extension exe scr") and times. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "policy/rule.hpp"

namespace config {

// Words between blanks; with double quotes around it a word may hold blanks. Error: an open quote.
base::Result<std::vector<std::string>> split_words(std::string_view text);

// What a condition may refer to: sets of conditions and expressions, by name. Null or nothing: there is none.
struct Known {
    std::function<const policy::Condition*(std::string_view)> set;
    std::function<std::optional<std::uint32_t>(std::string_view)> expression;
};

// "not extension exe scr". Error: what is wrong with it, with a hint at what was probably meant.
base::Result<policy::Condition> parse_condition(std::string_view text, const Known& known);

// All the words that there are, in the order of the manual.
std::vector<std::string_view> condition_words();

// "mon-fri 08:00-18:00", "sat,sun", "22:00-06:00".
base::Result<policy::Span> parse_span(std::string_view text);

}  // namespace config
