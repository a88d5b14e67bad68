// OLE objects in documents: how each program wraps the file that a user put into a document.
#pragma once

#include <string>
#include <string_view>

#include "scanners/opening.hpp"

namespace scanners::attachment {

// The native data of "Package" objects, [MS-OLEDS] 2.3.6 and what it holds by convention: names and one file. Opens the
// file as an embedded item below `item`; when it cannot be told apart, all of it.
void open_package(Opening& opening, std::size_t item, std::string_view native);

// An object as OLE 1.0 and RTF store it ([MS-OLEDS] 2.2).
void open_ole1(Opening& opening, std::size_t item, std::string_view object);

// Opens an embedded file, and says at `item` that there is one; macros in it are `item`'s macros. False: a limit
// forbids it.
bool open_embedded(Opening& opening, std::size_t item, std::string_view name, std::string_view octets);

// The instruction of a field of Word loads something when the document is opened: DDE, or a file from elsewhere.
bool is_external_field(std::string_view instruction);

// A file that somebody could open by itself, by its signature: streams and parts without a name worth looking at are
// opened when they are one.
bool is_file_of_its_own(std::string_view octets);

}  // namespace scanners::attachment
