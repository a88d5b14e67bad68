// TNEF (MS-OXTNEF), Outlook's winmail.dat: the attachments in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mail::mime {

struct TnefAttachment {
    std::string name;         // as it stands there; empty: none
    std::string_view octets;  // in the text given
};

bool is_tnef(std::string_view octets);

// At most `limit`. `defects`: kTnefBroken is added when the structure does not hold; what stands before the break is
// given. Linear, total.
std::vector<TnefAttachment> read_tnef(std::string_view octets, std::size_t limit, std::uint64_t& defects);

}  // namespace mail::mime
