// What follows those conditions (policy_words.hpp) that take names of header fields, languages or writing systems.
// Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "policy/condition.hpp"

namespace config {

using Words = std::span<const std::string>;

// What a field's name may consist of (RFC 5322 section 2.2), at most policy::kMaxFieldName octets.
bool is_field_name(std::string_view name);

// `condition`: the word that they follow, for the error. Without words: `otherwise`.
base::Status take_fields(policy::Condition& taken, std::string_view condition, Words words,
                         std::span<const std::string_view> otherwise);
base::Status take_languages(policy::Condition& taken, Words words);
base::Status take_writings(policy::Condition& taken, Words words);

}  // namespace config
