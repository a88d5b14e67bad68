#include "scanners/attachment/compound_file.hpp"

#include <algorithm>

#include "scanners/attachment/names.hpp"
#include "scanners/attachment/octets.hpp"

namespace scanners::attachment {
namespace {

constexpr std::string_view kMagic = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
constexpr std::uint32_t kLastRegular = 0xFFFFFFFA;  // above: end of chain, free, part of a table
constexpr std::uint32_t kNoEntry = 0xFFFFFFFF;
constexpr std::uint32_t kSmallSector = 64;
constexpr std::uint32_t kSmallBelow = 4096;
constexpr std::size_t kEntrySize = 128;
constexpr std::size_t kMaxEntries = 20000;  // a message with hundreds of recipients has some thousand

}  // namespace

std::optional<CompoundFile> CompoundFile::read(std::string_view octets) {
    CompoundFile file(octets);
    if (!file.read_header())
        return std::nullopt;
    file.read_table();
    file.read_directory();
    if (file.entries_.empty())
        return std::nullopt;
    file.small_table_ = file.chain(little32(octets, 0x3C), octets.size());
    file.small_ = file.chain(file.entries_[0].start, std::min<std::uint64_t>(file.entries_[0].size, octets.size()));
    file.find_parents();
    return file;
}

bool CompoundFile::read_header() {
    const auto shift = little16(octets_, 0x1E);
    if (!octets_.starts_with(kMagic) || (shift != 9 && shift != 12))
        return false;
    sector_size_ = 1U << shift;
    return true;
}

std::string_view CompoundFile::sector(std::uint32_t number) const {
    return number < kLastRegular ? part(octets_, (number + 1ULL) * sector_size_, sector_size_) : std::string_view();
}

// Where each sector goes on. The list of the table's own sectors begins in the header and goes on in a chain.
void CompoundFile::read_table() {
    std::vector<std::uint32_t> parts;
    const std::size_t sectors = octets_.size() / sector_size_ + 1;
    const auto add = [&](std::uint32_t number) {
        if (number < kLastRegular && parts.size() <= sectors * 4 / sector_size_)
            parts.push_back(number);
    };
    for (std::uint64_t at = 0x4C; at < 512; at += 4)
        add(little32(octets_, at));
    std::uint32_t next = little32(octets_, 0x44);
    for (std::size_t i = 0; i < sectors && next < kLastRegular; ++i) {
        const auto list = sector(next);
        for (std::uint64_t at = 0; at + 4 < list.size(); at += 4)
            add(little32(list, at));
        next = little32(list, sector_size_ - 4ULL);
        damaged_ = damaged_ || list.size() < sector_size_;
        if (list.size() < sector_size_)
            break;
    }
    for (const auto number : parts) {
        const auto list = sector(number);
        damaged_ = damaged_ || list.size() < sector_size_;
        for (std::uint64_t at = 0; at + 4 <= sector_size_; at += 4)
            table_.push_back(at + 4 <= list.size() ? little32(list, at) : kNoEntry);
    }
}

std::string CompoundFile::chain(std::uint32_t start, std::uint64_t most) const {
    std::string content;
    const std::size_t sectors = octets_.size() / sector_size_ + 1;
    for (std::size_t i = 0; i < sectors && start < kLastRegular && content.size() < most; ++i) {
        const auto piece = sector(start);
        content += piece.substr(0, most - content.size());
        if (piece.size() < sector_size_ || start >= table_.size())
            break;
        start = table_[start];
    }
    return content;
}

std::string CompoundFile::small_chain(std::uint32_t start, std::uint64_t most) const {
    std::string content;
    const std::size_t sectors = small_.size() / kSmallSector + 1;
    for (std::size_t i = 0; i < sectors && start < kLastRegular && content.size() < most; ++i) {
        content += part(small_, start * std::uint64_t{kSmallSector},
                        std::min<std::uint64_t>(kSmallSector, most - content.size()));
        if (start * 4ULL + 4 > small_table_.size())
            break;
        start = little32(small_table_, start * 4ULL);
    }
    return content;
}

void CompoundFile::read_directory() {
    const auto directory = chain(little32(octets_, 0x30), kMaxEntries * kEntrySize);
    damaged_ = damaged_ || directory.size() >= kMaxEntries * kEntrySize;
    for (std::size_t at = 0; at + kEntrySize <= directory.size(); at += kEntrySize) {
        const auto raw = std::string_view(directory).substr(at, kEntrySize);
        Entry entry;
        const auto length = std::min<std::size_t>(little16(raw, 0x40), 64);
        entry.name = from_utf16(raw.substr(0, length >= 2 ? length - 2 : 0));
        entry.is_stream = raw[0x42] == 2;
        entry.start = little32(raw, 0x74);
        // Files with sectors of 512 octets have garbage in the upper half.
        entry.size = sector_size_ == 512 ? little32(raw, 0x78) : little(raw, 0x78, 8);
        if (entries_.empty())
            root_class_ = raw.substr(0x50, 16);
        entries_.push_back(std::move(entry));
        links_.push_back({little32(raw, 0x44), little32(raw, 0x48), little32(raw, 0x4C)});
    }
}

void CompoundFile::find_parents() {
    std::vector<bool> seen(entries_.size());
    std::vector<std::pair<std::uint32_t, std::uint32_t>> waiting{{links_[0].child, 0}};  // entry, its parent
    seen[0] = true;
    while (!waiting.empty()) {
        const auto [index, parent] = waiting.back();
        waiting.pop_back();
        if (index >= entries_.size() || seen[index])
            continue;
        seen[index] = true;
        entries_[index].parent = parent;
        entries_[index].storage = parent == 0 ? std::string() : entries_[parent].name;
        waiting.emplace_back(links_[index].left, parent);
        waiting.emplace_back(links_[index].right, parent);
        waiting.emplace_back(links_[index].child, index);
    }
}

CompoundFile::Content CompoundFile::content(const Entry& entry, std::uint64_t most) const {
    const auto wanted = std::min(entry.size, most);
    Content content;
    content.octets = entry.size < kSmallBelow ? small_chain(entry.start, wanted) : chain(entry.start, wanted);
    content.whole = content.octets.size() == wanted;
    return content;
}

}  // namespace scanners::attachment
