// Patterns with "*", above all those of recipients, as administrators write them: "bob@example.test",
// "*@lists.example.test", "example.test",
// "*.example.test".
#pragma once

#include <string_view>

namespace policy {

// The whole text; case does not matter (ASCII); "*" stands for any octets, also none. Time: at most the product of the
// two lengths.
bool matches(std::string_view pattern, std::string_view text);

// Case does not matter; "*" stands for any octets, also none. A pattern without "@" is about the domain alone.
// `recipient` is a forward-path without angle brackets. Time: at most the product of the two lengths.
bool matches_recipient(std::string_view pattern, std::string_view recipient);

}  // namespace policy
