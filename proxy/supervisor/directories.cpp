#include "supervisor/directories.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace supervisor {
namespace {

// With parents. Only what is made here gets the mode and the owner.
base::Status make_path(const std::filesystem::path& path, mode_t mode, const Account* owner) {
    if (::access(path.c_str(), F_OK) == 0)
        return base::ok();
    if (path.has_relative_path())
        if (auto parent = make_path(path.parent_path(), 0755, nullptr); !parent)
            return parent;
    if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
        return base::errno_error("cannot make " + path.string());
    // Past the umask.
    if (::chmod(path.c_str(), mode) != 0)
        return base::errno_error("cannot make " + path.string());
    if (owner != nullptr && ::lchown(path.c_str(), owner->uid, owner->gid) != 0)
        return base::errno_error("cannot give away " + path.string());
    return base::ok();
}

}  // namespace

std::string journal_memory(const config::Settings& settings) {
    return std::filesystem::path(settings.control_socket).parent_path() / "journal";
}

base::Status make_directories(const config::Settings& settings, const std::optional<Account>& proxy) {
    const Account* owner = proxy ? &*proxy : nullptr;
    const struct {
        std::filesystem::path path;
        mode_t mode;
        const Account* owner;
    } wanted[] = {
        {std::filesystem::path(settings.pid_file).parent_path(), 0755, nullptr},
        {std::filesystem::path(settings.control_socket).parent_path(), 0755, nullptr},
        {settings.spool_directory, 0700, owner},
        {settings.quarantine_path, 0700, owner},
        {settings.journal_path, 0700, owner},
        {journal_memory(settings), 0700, owner},
        {settings.explain_path, 0750, owner},
        {settings.users_path, 0700, owner},
    };
    for (const auto& directory : wanted)
        if (auto made = make_path(directory.path, directory.mode, directory.owner); !made)
            return made;
    return base::ok();
}

}  // namespace supervisor
