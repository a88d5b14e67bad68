// Mails that hide one file from readers of MIME, each by up to three tricks: of boundaries, of headers, of encodings.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace evasion {

struct Variant {
    std::string tricks;  // their names, for the message of a test that fails
    std::string mail;    // CRLF line ends
};

// Deterministic: each trick once alone, then `mixed` mails with several.
std::vector<Variant> make_variants(std::string_view file, std::size_t mixed, std::uint32_t seed);

}  // namespace evasion
