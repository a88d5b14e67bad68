// In front of libclamav's cli_rmdirs(), by which it removes its temporary directories, two for each mail: six system
// calls where it makes twenty.
#pragma once

namespace scanners::clamav {

// Does nothing, but a program that calls it has the function, also when the linker leaves out what nobody asks for.
void link_remove_directory();

}  // namespace scanners::clamav
