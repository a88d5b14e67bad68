#include "scanners/attachment/rar.hpp"

#include <cstdint>

#include "scanners/attachment/octets.hpp"

namespace scanners::attachment {
namespace {

constexpr std::string_view kSignature("Rar!\x1a\7\1\0", 8);
constexpr std::uint64_t kFile = 2;
constexpr std::uint64_t kEncryption = 1;

// Seven bits in each octet, lowest first, the eighth says that there is more. `at` moves behind it.
std::uint64_t number(std::string_view octets, std::uint64_t& at) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 63 && at < octets.size(); shift += 7) {
        const auto octet = static_cast<unsigned char>(octets[at++]);
        value |= (octet & 0x7FULL) << shift;
        if (octet < 0x80)
            break;
    }
    return value;
}

bool has_encryption_record(std::string_view records) {
    for (std::uint64_t at = 0; at < records.size();) {
        const auto length = number(records, at);
        auto inside = at;
        if (number(records, inside) == kEncryption)
            return true;
        if (length == 0 || length > records.size())
            return false;
        at += length;
    }
    return false;
}

}  // namespace

std::vector<bool> encrypted_in_rar5(std::string_view octets) {
    std::vector<bool> files;
    if (!octets.starts_with(kSignature))
        return files;
    for (std::uint64_t at = kSignature.size(); at + 4 < octets.size();) {
        at += 4;  // checksum
        const auto length = number(octets, at);
        const auto header = part(octets, at, length);
        std::uint64_t inside = 0;
        const auto type = number(header, inside);
        const auto flags = number(header, inside);
        const auto extra = (flags & 1) != 0 ? number(header, inside) : 0;
        const auto data = (flags & 2) != 0 ? number(header, inside) : 0;
        if (type == kFile)
            files.push_back(extra <= header.size() && has_encryption_record(header.substr(header.size() - extra)));
        if (length == 0 || length > octets.size() || data > octets.size())
            break;
        at += length + data;
    }
    return files;
}

}  // namespace scanners::attachment
