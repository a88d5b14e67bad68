// Directories below the first level are moved up to it and emptied in turn: flat work, two descriptors at most.
#include "scanners/worker/temporary_directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "base/unique_fd.hpp"

namespace scanners {
namespace {

constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

base::Result<std::vector<std::string>> names_in(int directory) {
    base::UniqueFd copy(::openat(directory, ".", kOpenDirectory));
    if (!copy)
        return base::errno_error("open temporary directory");
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(copy.get()), ::closedir);
    if (entries == nullptr)
        return base::errno_error("fdopendir");
    static_cast<void>(copy.release());  // closedir() closes it
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(entries.get())) {
        if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0)
            names.emplace_back(entry->d_name);
    }
    return names;
}

// A directory's former user may have taken its own rights away; the zygote has the same uid and takes them back. Should
// that fail, so does what comes next, and is told.
void give_back_rights(int directory, const std::string& name) {
    [[maybe_unused]] const int failed = ::fchmodat(directory, name.c_str(), 0700, 0);
}

// Empties the directory `name` in `top`: its files go, its directories move up under names nobody has yet.
base::Status flatten(int top, const std::string& name, unsigned& moved) {
    give_back_rights(top, name);
    const base::UniqueFd directory(::openat(top, name.c_str(), kOpenDirectory));
    if (!directory)
        return base::errno_error("open in temporary directory");
    const auto names = names_in(directory.get());
    if (!names)
        return names.error();
    for (const auto& child : *names) {
        if (::unlinkat(directory.get(), child.c_str(), 0) == 0 ||
            ::unlinkat(directory.get(), child.c_str(), AT_REMOVEDIR) == 0)
            continue;
        give_back_rights(directory.get(), child);  // a directory can be moved only if its ".." may be written
        const auto target = ".moved-" + std::to_string(++moved);
        if (::renameat2(directory.get(), child.c_str(), top, target.c_str(), RENAME_NOREPLACE) != 0 && errno != EEXIST)
            return base::errno_error("move in temporary directory");
    }
    return base::ok();
}

}  // namespace

bool is_empty_directory(int directory) {
    struct Entry {  // linux_dirent64, getdents(2); the name follows
        std::uint64_t inode;
        std::int64_t next;
        std::uint16_t size;
        std::uint8_t type;
    };
    alignas(Entry) std::array<char, 1024> entries{};
    if (::lseek(directory, 0, SEEK_SET) != 0)
        return false;
    unsigned found = 0;
    long have = 0;
    while ((have = ::syscall(SYS_getdents64, directory, entries.data(), entries.size())) > 0) {
        for (long at = 0; at < have;) {
            Entry entry{};
            std::memcpy(&entry, entries.data() + at, sizeof entry);
            at += entry.size;
            if (++found > 2)  // "." and ".."
                return false;
        }
    }
    return have == 0;
}

base::Status empty_directory(const std::string& directory) {
    const base::UniqueFd top(::open(directory.c_str(), kOpenDirectory));
    if (!top)
        return base::errno_error("open " + directory);
    unsigned moved = 0;
    for (;;) {
        const auto names = names_in(top.get());
        if (!names)
            return names.error();
        if (names->empty())
            return base::ok();
        for (const auto& name : *names) {
            if (::unlinkat(top.get(), name.c_str(), 0) == 0 || ::unlinkat(top.get(), name.c_str(), AT_REMOVEDIR) == 0)
                continue;
            if (auto emptied = flatten(top.get(), name, moved); !emptied)
                return emptied;
        }
    }
}

}  // namespace scanners
