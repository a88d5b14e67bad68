// What is in an open directory, with one system call for a good many names: opendir() makes three before the first.
// Any process; no state.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace scanners {

// From where the descriptor stands on, "." and ".." too. False: `visit(name)` said false of one, or the directory
// cannot be read. What is removed meanwhile does not disturb; whether what is added is seen is open.
template <typename Visit>
bool visit_entries(int directory, Visit visit) {
    struct Entry {  // linux_dirent64, getdents(2); the name follows
        std::uint64_t inode;
        std::int64_t next;
        std::uint16_t size;
        std::uint8_t type;
    };
    constexpr std::size_t kName = offsetof(Entry, type) + 1;
    alignas(Entry) std::array<char, 1024> entries;  // NOLINT(*-member-init): the kernel writes before anyone reads
    long have = 0;
    while ((have = ::syscall(SYS_getdents64, directory, entries.data(), entries.size())) > 0) {
        for (long at = 0; at < have;) {
            Entry entry{};
            std::memcpy(&entry, entries.data() + at, sizeof entry);
            if (!visit(static_cast<const char*>(entries.data() + at + kName)))
                return false;
            at += entry.size;
        }
    }
    return have == 0;
}

inline bool is_dots(const char* name) {
    return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0;
}

}  // namespace scanners
