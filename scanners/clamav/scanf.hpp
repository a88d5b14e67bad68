// sscanf(3) for libclamav, which reads the numbers in the expression of every logical signature with it, for every file
// that it looks at: up to a quarter of its time. Linked into a program, it takes the C library's place in all of it.
//
// It says and stores exactly what the C library does, errno included. Formats of "%u" and ordinary characters it reads
// itself; anything else, and numbers that may not fit, the C library reads.
#pragma once

namespace scanners::clamav {

// Does nothing; who calls it has the functions linked in.
void link_scanf();

}  // namespace scanners::clamav
