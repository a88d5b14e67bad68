// What the rules of the policy files do ("do = quarantine programs"). Pure.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "policy/action.hpp"

namespace config {

// All the words that there are, in the order of the manual.
std::vector<std::string_view> deed_words();
// The word for a step, as messages name it.
std::string_view deed_word(policy::Step::Kind kind);

// What an action may refer to, by name. Null: there is none.
struct KnownTexts {
    std::function<std::shared_ptr<const policy::Stamp>(std::string_view)> stamp;
    std::function<std::shared_ptr<const policy::Notice>(std::string_view)> notice;
};

// One line of `do`: steps, or the final action, or both ("clean").
struct Deed {
    std::vector<policy::Step> steps{};
    std::optional<policy::Final> final_action{};
};

// Error: what is wrong with it, with a hint at what was probably meant.
base::Result<Deed> parse_deed(std::string_view text, const KnownTexts& known);

// Two final actions that are one: to others and by another server. False: they are two, and `into` is as it was.
bool join(policy::Final& into, const policy::Final& more);

// "user@example.com": an address for an envelope.
base::Status check_address(std::string_view text);

// "; did you mean quarantine?", or nothing.
std::string hint_at(std::string_view word, const std::vector<std::string_view>& candidates);

// What is said of policy::wrong_token().
std::string wrong_token_message(std::string_view wrong);

}  // namespace config
