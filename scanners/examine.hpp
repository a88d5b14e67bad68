// examine(): opens one mail by its MIME structure (proxy/mail/mime) and each of its parts by what it is (attachment/).
//
// Worker only. Broken MIME is read by different programs in different ways: each plausible reading is opened, and what
// only such a reading shows becomes an Extra.
#pragma once

#include <string_view>

#include "mail/mime/tree.hpp"
#include "scanners/opening.hpp"

namespace scanners {

// How much of a mail's structure is read; Item::entity counts what these give.
mail::mime::TreeLimits tree_limits(const policy::ContentLimits& limits);

// `mail` is the whole message, CRLF line ends; outlives `opening`. Never throws for what a mail can hold.
void examine(Opening& opening, std::string_view mail);

}  // namespace scanners
