// Character set converters, loaded before the sandbox closes.
//
// libclamav converts text of documents with iconv(3) while it scans, and the C library loads a shared object for each
// character set at first use: in a worker's sandbox that would fail, and the text would not be looked at.
#pragma once

#include <cstddef>

namespace scanners {

// Opens and keeps a converter for every character set that libclamav or a mail may name. Returns how many there are;
// 0 means that this system has no converters at all (package libc-bin or its gconv modules are missing). Zygote, once.
std::size_t load_charsets();

}  // namespace scanners
