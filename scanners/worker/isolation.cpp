// Namespaces, tmpfs and the change of user. Nothing here parses or scans.
#include "scanners/worker/isolation.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/log.hpp"
#include "base/unique_fd.hpp"
#include "scanners/worker/temporary_directory.hpp"

namespace scanners {
namespace {

namespace fs = std::filesystem;

struct Identity {
    uid_t uid = 0;
    gid_t gid = 0;
};

// Directories of one worker's tmpfs: libclamav makes one per mail and archive. Inodes are kernel memory.
constexpr unsigned kMaxInodes = 65536;

base::Result<Identity> identity_of(const config::Settings& settings) {
    if (::geteuid() != 0)
        return Identity{::geteuid(), ::getegid()};
    errno = 0;
    const passwd* entry = ::getpwnam(settings.scan_user.c_str());
    if (entry == nullptr)
        return base::error("the user {} (scan_user) does not exist; make it with \"adduser --system --group {}\"",
                           settings.scan_user, settings.scan_user);
    if (entry->pw_uid == 0)
        return base::error("scan_user must not be root");
    return Identity{entry->pw_uid, entry->pw_gid};
}

bool write_file(const char* path, const std::string& text) {
    const base::UniqueFd file(::open(path, O_WRONLY | O_CLOEXEC));
    return file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// An ordinary user gets the right to mount inside a user namespace in which it is itself and nobody else exists.
base::Status enter_namespaces(const Identity& self, bool root) {
    const int wanted = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC;
    if (::unshare(root ? wanted : wanted | CLONE_NEWUSER) != 0)
        return base::errno_error("unshare");
    if (!root && (!write_file("/proc/self/setgroups", "deny") ||
                  !write_file("/proc/self/uid_map", fmt::format("{} {} 1", self.uid, self.uid)) ||
                  !write_file("/proc/self/gid_map", fmt::format("{} {} 1", self.gid, self.gid))))
        return base::errno_error("user namespace");
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return base::errno_error("private mounts");
    return base::ok();
}

bool below(const std::string& path, const std::string& directory) {
    std::error_code failure;
    const auto real = fs::weakly_canonical(path, failure).string();
    return failure || real == directory || real.starts_with(directory + "/");
}

// A directory that every system has and in which we need nothing: our mounts hide it, in our namespace only, and
// nothing is left behind on the disk.
base::Result<std::string> mount_point(const config::Settings::Clamav& clamav) {
    for (const std::string candidate : {"/dev/shm", "/tmp", "/mnt"}) {
        std::error_code failure;
        if (fs::is_directory(candidate, failure) && !below(clamav.database, candidate) &&
            !below(clamav.test_signatures, candidate))
            return candidate;
    }
    return base::error("no directory to mount temporary file systems on");
}

base::Status mount_tmpfs(const std::string& directory, const std::string& options) {
    if (::mount("sandwich", directory.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options.c_str()) != 0)
        return base::errno_error("mount tmpfs on " + directory);
    return base::ok();
}

std::string place_name(const std::string& base, std::size_t slot) {
    return fmt::format("{}/worker-{}", base, slot);
}

base::Result<WorkPlaces> mounted_places(const config::Settings& settings, const Identity& owner, unsigned workers) {
    const auto base = mount_point(settings.clamav);
    if (!base)
        return base.error();
    if (auto mounted = mount_tmpfs(*base, "size=64k,mode=0755"); !mounted)
        return mounted.error();
    for (unsigned slot = 0; slot < workers; ++slot) {
        const auto directory = place_name(*base, slot);
        if (::mkdir(directory.c_str(), 0700) != 0)
            return base::errno_error("mkdir " + directory);
        const auto options = fmt::format("size={},nr_inodes={},mode=0700,uid={},gid={}", settings.worker_tmp_size,
                                         kMaxInodes, owner.uid, owner.gid);
        if (auto mounted = mount_tmpfs(directory, options); !mounted)
            return mounted.error();
    }
    return WorkPlaces(*base, workers, false);
}

// Without namespaces: no cap on the size but RLIMIT_FSIZE, and visible to others of the same user.
base::Result<WorkPlaces> plain_places(const Identity& owner, unsigned workers) {
    for (std::string base : {"/dev/shm/sandwich-scan.XXXXXX", "/tmp/sandwich-scan.XXXXXX"}) {
        if (::mkdtemp(base.data()) == nullptr)
            continue;
        bool made = ::chown(base.c_str(), owner.uid, owner.gid) == 0;
        for (unsigned slot = 0; slot < workers && made; ++slot) {
            const auto directory = place_name(base, slot);
            made = ::mkdir(directory.c_str(), 0700) == 0 && ::chown(directory.c_str(), owner.uid, owner.gid) == 0;
        }
        if (made)
            return WorkPlaces(base, workers, true);
        std::error_code ignored;
        fs::remove_all(base, ignored);
    }
    return base::errno_error("cannot make temporary directories for the workers");
}

base::Status drop_capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> none{};
    if (::syscall(SYS_capset, &header, none.data()) != 0)
        return base::errno_error("capset");
    return base::ok();
}

base::Status become(const Identity& identity, bool root) {
    if (root && (::setgroups(1, &identity.gid) != 0 || ::setresgid(identity.gid, identity.gid, identity.gid) != 0 ||
                 ::setresuid(identity.uid, identity.uid, identity.uid) != 0))
        return base::errno_error("cannot become scan_user");
    if (auto dropped = drop_capabilities(); !dropped)
        return dropped;
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return base::errno_error("no_new_privs");
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)  // no core, no ptrace by others of the same user
        return base::errno_error("not dumpable");
    const rlimit none{0, 0};
    if (::setrlimit(RLIMIT_CORE, &none) != 0)
        return base::errno_error("no core dumps");
    return base::ok();
}

base::Result<WorkPlaces> places_for(const config::Settings& settings, const Identity& identity, bool root,
                                    unsigned workers) {
    auto entered = enter_namespaces(identity, root);
    if (entered) {
        auto mounted = mounted_places(settings, identity, workers);
        if (mounted)
            return mounted;
        entered = mounted.error();
    }
    base::log::event(
        base::log::kUnsafe,
        "the scanner has no mount and network namespace of its own ({}): its temporary files have no limit in "
        "all, and only the sandbox keeps it off the network",
        entered.error().message);
    return plain_places(identity, workers);
}

}  // namespace

WorkPlaces::WorkPlaces(std::string base, unsigned count, bool remove) : base_(std::move(base)), remove_(remove) {
    for (unsigned slot = 0; slot < count; ++slot)
        directories_.push_back(place_name(base_, slot));
}

WorkPlaces::WorkPlaces(WorkPlaces&& other) noexcept
    : base_(std::move(other.base_)),
      directories_(std::move(other.directories_)),
      remove_(std::exchange(other.remove_, false)) {}

WorkPlaces::~WorkPlaces() {
    if (!remove_)
        return;
    if (empty_directory(base_))
        ::rmdir(base_.c_str());
}

base::Result<WorkPlaces> isolate(const config::Settings& settings, unsigned workers) {
    const bool root = ::geteuid() == 0;
    const auto identity = identity_of(settings);
    if (!identity)
        return identity.error();
    auto places = places_for(settings, *identity, root, workers);
    if (!places)
        return places;
    if (auto became = become(*identity, root); !became)
        return became.error();
    return places;
}

}  // namespace scanners
