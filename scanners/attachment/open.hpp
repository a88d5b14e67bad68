// Looks into one file: its true type; members of archives, macros and objects of documents, files in a PDF; and so on
// into each of them, under the limits that Opening keeps.
//
// Worker only. Facts only: what is an executable and what is harmless, the rules say.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.hpp"
#include "scanners/opening.hpp"

namespace scanners::attachment {

// In the zygote, before any fork: reads the tables of types. Error: text for the administrator.
base::Status load();

// `octets` are the decoded content of `item`, whose names and declared type are filled in. Sets its size, true type and
// marks, and adds what is in it below it. Never throws; what cannot be opened is marked (kEncrypted, kMalformed,
// kUnopened).
void open(Opening& opening, std::size_t item, std::string_view octets);

}  // namespace scanners::attachment
