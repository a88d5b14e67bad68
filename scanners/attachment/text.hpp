// Files that are text: scripts in HTML and SVG, macros in SYLK, OpenPGP and S/MIME.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "scanners/opening.hpp"

namespace scanners::attachment {

// A browser would show it: its true type, its declared one or its name says HTML or SVG.
bool is_shown_by_browsers(const policy::Item& item);

// Marks of a text by its type; and the text itself for the expressions, when somebody wants it and this is a file (what
// is text of the mail, others add).
void look_at_text(Opening& opening, std::size_t item, std::string_view octets);

// The type of what is encrypted or signed by OpenPGP (RFC 9580) or as CMS (RFC 5652), without any armour; empty: not.
std::string_view sealed_type(std::string_view octets);

// Marks of such a file.
void look_at_sealed(Opening& opening, std::size_t item, std::string_view octets);

}  // namespace scanners::attachment
