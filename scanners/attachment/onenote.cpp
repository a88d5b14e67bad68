#include "scanners/attachment/onenote.hpp"

#include "scanners/attachment/file_type.hpp"
#include "scanners/attachment/objects.hpp"
#include "scanners/attachment/octets.hpp"

namespace scanners::attachment {
namespace {

// FileDataStoreObject, [MS-ONESTORE] 2.6.13: mark, length (8), unused (4), reserved (8), the file.
constexpr std::string_view kFileMark = "\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac";
constexpr std::size_t kObjectHeader = 36;

// What OneNote on the web exports has no such marks: programs are found by what they are.
void open_programs(Opening& opening, std::size_t item, std::string_view octets) {
    for (auto at = octets.find("MZ"); at != std::string_view::npos; at = octets.find("MZ", at + 2)) {
        const auto rest = octets.substr(at);
        if (signature_type(rest) != "application/vnd.microsoft.portable-executable")
            continue;
        if (!opening.expand(item, rest.size(), octets.size()) || !open_embedded(opening, item, "", rest))
            return;
    }
}

}  // namespace

void open_onenote(Opening& opening, std::size_t item, std::string_view octets) {
    if (octets.find(kFileMark) == std::string_view::npos)
        open_programs(opening, item, octets);
    for (auto at = octets.find(kFileMark); at != std::string_view::npos; at = octets.find(kFileMark, at)) {
        const auto length = little(octets, at + kFileMark.size(), 8);
        const auto file = part(octets, at + kObjectHeader, length);
        at += kFileMark.size();
        if (!opening.in_time(item) || !opening.expand(item, file.size(), octets.size()))
            return;
        if (file.size() < length)
            opening.item(item).set(policy::Mark::kMalformed);
        if (!file.empty() && !open_embedded(opening, item, "", file))
            return;
    }
}

}  // namespace scanners::attachment
