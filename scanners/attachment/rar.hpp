// What libarchive does not say of RAR 5 archives: that a file in them has a password. To it that is data like any
// other.
#pragma once

#include <string_view>
#include <vector>

namespace scanners::attachment {

// For each file, in order: its header has an encryption record (RAR 5.0 archive format, "File encryption record").
// Empty for all other octets.
std::vector<bool> encrypted_in_rar5(std::string_view octets);

}  // namespace scanners::attachment
