// Archives and compressed files, unpacked in memory by libarchive, one member at a time, under the limits of Opening.
//
// No size that an archive declares is believed: what counts is what comes out. No filter of libarchive that starts a
// program is switched on, and each file is read as the one format that its content is, not as any that libarchive
// knows.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "scanners/opening.hpp"

namespace scanners::attachment {

struct Member {
    std::string path;         // octets, as the archive has them
    std::string other_path;   // where the archive has two; empty: none
    std::string_view octets;  // what came out, valid during the call
    std::uint64_t declared_size = 0;
    bool encrypted = false;  // nothing came out
    bool unopened = false;   // not all came out: a limit, a method that is not known
    bool malformed = false;  // an error in the data; `octets` are what came before or in spite of it
};

// False: no more members.
using EachMember = std::function<bool(const Member&)>;

// The archive types that can be read.
bool is_archive(std::string_view type);
// Those of them that are read as a `format` of that name.
bool is_archive_of(std::string_view type, std::string_view format);

// In the zygote: what libarchive reads from files at first use. Names in archives become UTF-8 by a locale of its own.
base::Status load_archives();

// A zip file from its beginning on, by what stands before each member, up to the first that cannot be read.
void read_streamed_zip(Opening& opening, std::size_t item, std::string_view octets, const EachMember& each);

// Gives every file in the archive `octets`, which is `item`, to `each`. Marks the item for what is wrong with the
// archive as a whole, and for encrypted members.
void read_archive(Opening& opening, std::size_t item, std::string_view type, std::string_view octets,
                  const EachMember& each);

}  // namespace scanners::attachment
