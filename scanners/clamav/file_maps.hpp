// The memory into which libclamav reads the files that it looks at: two for a small mail, one more for each part. It
// asks the system for new pages each time and gives them back, which costs more than to read a few KiB into them.
// Linked into a program, file_maps.cpp takes the place of libclamav's function and asks it to take them from the heap,
// where the file is small. Larger ones stay as they are: of those libclamav gives back what it has not used for long.
#pragma once

namespace scanners::clamav {

// Does nothing; who calls it has the function linked in.
void link_file_maps();

}  // namespace scanners::clamav
