#include "scanners/attachment/zip_reader.hpp"

#include <algorithm>

#include "scanners/attachment/buffer.hpp"
#include "scanners/attachment/inflate.hpp"
#include "scanners/attachment/octets.hpp"

namespace scanners::attachment {
namespace {

using policy::Mark;

constexpr std::uint16_t kStored = 0;
constexpr std::uint16_t kDeflated = 8;
// General purpose bits (APPNOTE.TXT 4.4.4): encrypted, sizes follow the data, header values masked.
constexpr std::uint16_t kEncryptedFlags = 1 << 0 | 1 << 13;

class ZipReader {
  public:
    ZipReader(Opening& opening, std::size_t item, std::string_view octets, const EachMember& each)
        : opening_(opening), item_(item), octets_(octets), each_(each) {}

    // False: no more.
    bool take(const ZipEntry& entry) {
        if (!opening_.in_time(item_))
            return false;
        if (entry.packed == 0 && (entry.name.ends_with('/') || entry.name.ends_with('\\')))
            return opening_.another_file(item_);
        Member member;
        member.path = entry.name;
        if (entry.local_name != entry.name)
            member.other_path = entry.local_name;
        member.declared_size = entry.size;
        Buffer buffer;
        const bool on = read_data(entry, member, buffer);
        member.octets = buffer.view();
        if (member.encrypted)
            opening_.item(item_).set(Mark::kEncrypted);
        return each_(member) && on;
    }

  private:
    bool read_data(const ZipEntry& entry, Member& member, Buffer& buffer) {
        member.encrypted = (entry.flags & kEncryptedFlags) != 0;
        if (member.encrypted)
            return true;
        if (entry.data == 0) {
            member.malformed = member.unopened = true;
            return true;
        }
        if (entry.method == kStored)
            return stored(entry, member, buffer);
        if (entry.method == kDeflated)
            return deflated(entry, member, buffer);
        return by_libarchive(entry, member, buffer);
    }

    bool stored(const ZipEntry& entry, Member& member, Buffer& buffer) {
        // The greater of two sizes: who believes the smaller one sees less.
        const auto length = std::max<std::uint64_t>(entry.packed, little32(octets_, entry.offset + 18));
        const auto data = part(octets_, entry.data, length);
        member.malformed = data.size() < entry.packed;
        return keep(data, member, buffer);
    }

    bool deflated(const ZipEntry& entry, Member& member, Buffer& buffer) {
        // The data says itself where it ends.
        const auto result = inflate(part(octets_, entry.data), Wrapping::kNone,
                                    [&](std::string_view block) { return keep(block, member, buffer); });
        if (result == Inflated::kBroken)
            member.malformed = member.unopened = true;
        return result != Inflated::kStopped;
    }

    // Other methods: libarchive reads this one member from its local header on.
    bool by_libarchive(const ZipEntry& entry, Member& member, Buffer& buffer) {
        bool on = true;
        bool found = false;
        read_streamed_zip(opening_, item_, octets_.substr(entry.offset), [&](const Member& read) {
            found = true;
            member.encrypted = read.encrypted;
            member.unopened = read.unopened;
            member.malformed = read.malformed;
            on = buffer.append(read.octets);
            return false;
        });
        if (!found)
            member.unopened = true;
        return on;
    }

    bool keep(std::string_view block, Member& member, Buffer& buffer) {
        const bool room = opening_.expand(item_, block.size(), octets_.size()) && opening_.in_time(item_);
        if (room && buffer.append(block))
            return true;
        member.unopened = true;
        if (room)  // no memory: as over the limit as it can be
            opening_.exceeded(policy::ContentLimit::kExpandedSize, item_, buffer.size() + block.size());
        return false;
    }

    Opening& opening_;
    std::size_t item_;
    std::string_view octets_;
    const EachMember& each_;
};

}  // namespace

void read_zip(Opening& opening, std::size_t item, std::string_view octets, const ZipDirectory& zip,
              const EachMember& each) {
    ZipReader reader(opening, item, octets, each);
    for (const auto& entry : zip.entries) {
        if (!reader.take(entry))
            return;
    }
    for (const auto& range : zip.hidden)
        read_streamed_zip(opening, item, octets.substr(range.begin, range.end - range.begin), each);
    if (!zip.whole)
        opening.item(item).set(Mark::kMalformed);
}

}  // namespace scanners::attachment
