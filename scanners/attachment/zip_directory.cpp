#include "scanners/attachment/zip_directory.hpp"

#include <algorithm>
#include <optional>

#include "scanners/attachment/octets.hpp"

namespace scanners::attachment {
namespace {

constexpr std::string_view kEnd("PK\5\6", 4);
constexpr std::string_view kEnd64("PK\6\6", 4);
constexpr std::string_view kCentral("PK\1\2", 4);
constexpr std::string_view kLocal("PK\3\4", 4);
constexpr std::size_t kEndSize = 22;
constexpr std::size_t kLocalSize = 30;
constexpr std::size_t kCentralSize = 46;
constexpr std::size_t kMaxHidden = 16;

struct Extent {
    std::uint64_t begin = 0;
    std::uint64_t size = 0;
    std::uint64_t shift = 0;  // what stands before the zip file: a program that unpacks itself
    std::uint64_t end = 0;    // of the end record and its comment
};

// Where the directory is. Its size counts, not its offset: that is how readers find what has something before it.
std::optional<Extent> find_directory(std::string_view octets) {
    const std::size_t tail = octets.size() > kEndSize + 0xFFFF ? octets.size() - kEndSize - 0xFFFF : 0;
    // Most files have none, which is seen much faster from the front.
    if (octets.find(kEnd, tail) == std::string_view::npos)
        return std::nullopt;
    std::uint64_t at = octets.rfind(kEnd);
    const std::uint64_t behind = std::min<std::uint64_t>(at + kEndSize + little16(octets, at + 20), octets.size());
    std::uint64_t size = little32(octets, at + 12);
    std::uint64_t offset = little32(octets, at + 16);
    if (size == 0xFFFFFFFF || offset == 0xFFFFFFFF || little16(octets, at + 10) == 0xFFFF) {
        // Just before the locator of 20 octets, itself 56 octets or more; further away it is somebody else's.
        const auto from = at - std::min<std::uint64_t>(at, 4095);
        const auto end64 = octets.substr(from, at - from).rfind(kEnd64);
        if (end64 != std::string_view::npos) {
            at = from + end64;
            size = little(octets, at + 40, 8);
            offset = little(octets, at + 48, 8);
        }
    }
    if (size > at)
        return std::nullopt;
    const Extent extent{at - size, size, at - size >= offset ? at - size - offset : 0, behind};
    if (size > 0 && part(octets, extent.begin, 4) != kCentral)
        return std::nullopt;
    return extent;
}

ZipEntry read_entry(std::string_view octets, std::uint64_t at, std::uint64_t shift) {
    ZipEntry entry;
    entry.flags = little16(octets, at + 8);
    entry.method = little16(octets, at + 10);
    entry.packed = little32(octets, at + 20);
    entry.size = little32(octets, at + 24);
    entry.name = part(octets, at + kCentralSize, little16(octets, at + 28));
    entry.offset = little32(octets, at + 42) + shift;
    // Something stands in between, and not before: some readers look there.
    if (part(octets, entry.offset, 4) != kLocal && part(octets, entry.offset - shift, 4) == kLocal)
        entry.offset -= shift;
    if (part(octets, entry.offset, 4) != kLocal)
        return entry;
    const auto local_length = little16(octets, entry.offset + 26);
    entry.local_name = part(octets, entry.offset + kLocalSize, local_length);
    entry.data = entry.offset + kLocalSize + local_length + little16(octets, entry.offset + 28);
    return entry;
}

// Local headers between the members. What looks like one inside a member's data is the data's own affair.
void find_hidden(std::string_view octets, std::uint64_t directory, ZipDirectory& zip) {
    std::vector<ZipDirectory::Range> covered{{0, zip.begin}};  // not the zip file's
    for (const auto& entry : zip.entries) {
        const auto end = entry.data + std::min<std::uint64_t>(entry.packed, octets.size());
        covered.push_back({entry.offset, std::max<std::uint64_t>(end, entry.offset)});
    }
    covered.push_back({directory, octets.size()});
    std::sort(covered.begin(), covered.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
    std::size_t from = 0;
    for (const auto& range : covered) {
        if (range.begin > from && range.begin <= octets.size() && zip.hidden.size() < kMaxHidden) {
            const auto found = octets.substr(from, range.begin - from).find(kLocal);
            if (found != std::string_view::npos && range.begin - from - found >= kLocalSize)
                zip.hidden.push_back({from + found, range.begin});
        }
        from = std::max(from, range.end);
    }
}

}  // namespace

ZipDirectory read_zip_directory(std::string_view octets, std::size_t max_entries) {
    ZipDirectory zip;
    const auto extent = find_directory(octets);
    if (!extent)
        return zip;
    zip.found = true;
    zip.begin = static_cast<std::size_t>(extent->shift);
    zip.end = static_cast<std::size_t>(extent->end);
    std::uint64_t at = extent->begin;
    const std::uint64_t end = extent->begin + extent->size;
    while (at + kCentralSize <= end && part(octets, at, 4) == kCentral && zip.entries.size() < max_entries) {
        zip.entries.push_back(read_entry(octets, at, extent->shift));
        at += kCentralSize + little16(octets, at + 28) + little16(octets, at + 30) + little16(octets, at + 32);
    }
    zip.whole = at >= end;
    if (zip.entries.size() < max_entries)
        find_hidden(octets, extent->begin, zip);
    return zip;
}

std::string_view stored_data(std::string_view octets, const ZipEntry& entry) {
    const bool readable = entry.data > 0 && entry.method == 0 && (entry.flags & 1) == 0;
    return readable ? part(octets, entry.data, entry.packed) : std::string_view();
}

}  // namespace scanners::attachment
