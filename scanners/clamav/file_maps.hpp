// The memory into which libclamav reads the files that it looks at: two for a small mail, one more for each part. It
// asks the system for new pages each time and gives them back, which costs more than to read a few KiB into them.
// Linked into a program, file_maps.cpp takes the place of libclamav's function and asks it to take them from the heap,
// where the file is small. Larger ones stay as they are: of those libclamav gives back what it has not used for long.
#pragma once

#include <string_view>

namespace scanners::clamav {

// Does nothing; who calls it has the function linked in.
void link_file_maps();

// What is in the file that libclamav has mapped as the last one, if that is this descriptor's: once for each, and only
// of those that are read into the heap as a whole. It is valid as long as libclamav has the map.
std::string_view take_opened_file(int file);

}  // namespace scanners::clamav
