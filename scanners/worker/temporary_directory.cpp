// Directories below the first level are moved up to it and emptied in turn: flat work, two descriptors at most.
#include "scanners/worker/temporary_directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "base/unique_fd.hpp"
#include "scanners/worker/directory_entries.hpp"

namespace scanners {
namespace {

constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

base::Result<std::vector<std::string>> names_in(int directory) {
    if (::lseek(directory, 0, SEEK_SET) != 0)
        return base::errno_error("rewind temporary directory");
    std::vector<std::string> names;
    const auto keep = [&](const char* name) {
        if (!is_dots(name))
            names.emplace_back(name);
        return true;
    };
    if (!visit_entries(directory, keep))
        return base::errno_error("read temporary directory");
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
    return ::lseek(directory, 0, SEEK_SET) == 0 && visit_entries(directory, is_dots);
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
