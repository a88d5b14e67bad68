// Archives' members become items, and are opened in their turn.
#pragma once

#include <string>
#include <string_view>

#include "scanners/attachment/archive.hpp"
#include "scanners/opening.hpp"

namespace scanners::attachment {

// Adds what is in the archive below `item`.
void open_archive(Opening& opening, std::size_t item, std::string_view type, std::string_view octets);

// The zip file that `octets` end with, whatever stands before and behind it; empty: none that has anything in it.
std::string_view zip_at_end(std::string_view octets);

// Adds one file found inside `parent` and opens it. Its index; nothing: a limit forbids it.
std::optional<std::size_t> open_inside(Opening& opening, std::size_t parent, policy::Item::Kind kind,
                                       std::vector<std::string> names, std::string_view octets);

// The same for a member of an archive, with the marks it has as such.
bool open_member(Opening& opening, std::size_t parent, policy::Item::Kind kind, std::vector<std::string> names,
                 const Member& member);

}  // namespace scanners::attachment
