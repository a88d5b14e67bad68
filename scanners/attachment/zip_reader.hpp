// Zip files by their directory, as Windows and all other programs that open a zip file by a double click read them.
// libarchive goes by what stands before each member instead, and fails where both disagree.
#pragma once

#include "scanners/attachment/archive.hpp"
#include "scanners/attachment/zip_directory.hpp"

namespace scanners::attachment {

// Gives every file that the directory has to `each`, and then those that only stand between the others.
void read_zip(Opening& opening, std::size_t item, std::string_view octets, const ZipDirectory& zip,
              const EachMember& each);

}  // namespace scanners::attachment
