// Landlock by its system calls (Debian 12 has no wrapper library), seccomp by libseccomp.
#include "scanners/worker/sandbox.hpp"

#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <initializer_list>
#include <memory>

#include "base/unique_fd.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANDWICH_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDWICH_SANITIZED
#endif

namespace scanners {
namespace {

// The sanitizers reserve terabytes of address space.
#ifdef SANDWICH_SANITIZED
constexpr bool kLimitMemory = false;
#else
constexpr bool kLimitMemory = true;
#endif

// One message nests archives: each level holds a file or two open (max_recursion is 17 by default).
constexpr rlim_t kMaxOpenFiles = 256;

base::Status limit(__rlimit_resource resource, rlim_t value, const char* name) {
    const rlimit both{value, value};
    if (::setrlimit(resource, &both) != 0)
        return base::errno_error(name);
    return base::ok();
}

// Octets of address space in use; 0 when unknown.
std::uint64_t mapped_memory() {
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/proc/self/statm", "re"), std::fclose);
    unsigned long long pages = 0;
    if (file == nullptr || std::fscanf(file.get(), "%llu", &pages) != 1)
        return 0;
    return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

// ---- Landlock. Constants that the kernel headers of Debian 12 (Linux 6.1) do not know yet have their number here.

constexpr std::uint64_t kTruncate = 1ULL << 14;          // ABI 3
constexpr std::uint64_t kIoctlDevice = 1ULL << 15;       // ABI 5
constexpr std::uint64_t kNetwork = 3;                    // ABI 4: bind and connect TCP
constexpr std::uint64_t kScopeAbstractSocketSignal = 3;  // ABI 6

struct RulesetAttributes {
    std::uint64_t handled_access_fs;
    std::uint64_t handled_access_net;  // ABI 4
    std::uint64_t scoped;              // ABI 6
};

std::uint64_t file_rights(int abi) {
    std::uint64_t rights = LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1;  // all of ABI 1
    if (abi >= 2)
        rights |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3)
        rights |= kTruncate;
    if (abi >= 5)
        rights |= kIoctlDevice;
    return rights;
}

base::Status enter_landlock(int abi, const std::string& temporary_directory) {
    const RulesetAttributes attributes{file_rights(abi), abi >= 4 ? kNetwork : 0,
                                       abi >= 6 ? kScopeAbstractSocketSignal : 0};
    const std::size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
    const base::UniqueFd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
    if (!ruleset)
        return base::errno_error("landlock_create_ruleset");
    const base::UniqueFd directory(::open(temporary_directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory)
        return base::errno_error("open " + temporary_directory);
    landlock_path_beneath_attr rule{};
    rule.parent_fd = directory.get();
    rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
                          LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                          LANDLOCK_ACCESS_FS_REMOVE_DIR | (abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0) |
                          (abi >= 3 ? kTruncate : 0);
    if (::syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
        return base::errno_error("landlock_add_rule");
    if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0)
        return base::errno_error("landlock_restrict_self");
    return base::ok();
}

// ---- seccomp

// Calls that a scan makes, whatever their arguments: files are Landlock's affair. Opening, reading and writing below
// the temporary directory; memory; time; the C library's own needs.
constexpr int kAllowed[] = {
    SCMP_SYS(access),
    SCMP_SYS(brk),
    SCMP_SYS(chmod),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(close),
    SCMP_SYS(creat),
    SCMP_SYS(dup),
    SCMP_SYS(dup2),
    SCMP_SYS(dup3),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(fadvise64),
    SCMP_SYS(fchmod),
    SCMP_SYS(fchmodat),
    SCMP_SYS(fcntl),
    SCMP_SYS(fdatasync),
    SCMP_SYS(fstat),
    SCMP_SYS(fstatfs),
    SCMP_SYS(fsync),
    SCMP_SYS(ftruncate),
    SCMP_SYS(futex),
    SCMP_SYS(getcwd),
    SCMP_SYS(getdents64),
    SCMP_SYS(getegid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(getrandom),
    SCMP_SYS(getrusage),
    SCMP_SYS(gettid),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getuid),
    SCMP_SYS(lseek),
    SCMP_SYS(lstat),
    SCMP_SYS(madvise),
    SCMP_SYS(mkdir),
    SCMP_SYS(mkdirat),
    SCMP_SYS(mremap),
    SCMP_SYS(munmap),
    SCMP_SYS(nanosleep),
    SCMP_SYS(newfstatat),
    SCMP_SYS(open),
    SCMP_SYS(openat),
    SCMP_SYS(poll),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(read),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(readv),
    SCMP_SYS(recvmsg),
    SCMP_SYS(rename),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rmdir),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(stat),
    SCMP_SYS(statx),
    SCMP_SYS(sysinfo),
    SCMP_SYS(time),
    SCMP_SYS(times),
    SCMP_SYS(truncate),
    SCMP_SYS(umask),
    SCMP_SYS(uname),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(utimensat),
    SCMP_SYS(write),
    SCMP_SYS(writev),
};

#ifdef SANDWICH_SANITIZED
// UBSan finds out through a pipe whether memory may be read.
constexpr int kAllowedToSanitizers[] = {SCMP_SYS(pipe), SCMP_SYS(pipe2)};
#else
constexpr std::array<int, 0> kAllowedToSanitizers{};
#endif

// Refused with an error rather than with death: a library tries them and manages without (threads for decoding
// pictures, isatty() of a standard stream).
constexpr int kRefused[] = {SCMP_SYS(clone), SCMP_SYS(ioctl), SCMP_SYS(sched_setaffinity), SCMP_SYS(prctl)};

using Filter = std::unique_ptr<void, decltype(&::seccomp_release)>;

// libseccomp's own macros for these are C only.
scmp_arg_cmp equals(unsigned argument, scmp_datum_t value) {
    return {argument, SCMP_CMP_EQ, value, 0};
}
scmp_arg_cmp masked_equals(unsigned argument, scmp_datum_t mask, scmp_datum_t value) {
    return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

bool rule(scmp_filter_ctx filter, std::uint32_t action, int call, scmp_arg_cmp condition) {
    return seccomp_rule_add_array(filter, action, call, 1, &condition) == 0;
}

// Memory that may be run comes from the zygote; data that a mail brought never becomes code.
bool forbid_executable_memory(scmp_filter_ctx filter) {
    bool good = true;
    for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)}) {
        good = good && rule(filter, SCMP_ACT_ALLOW, call, masked_equals(2, PROT_EXEC, 0)) &&
               rule(filter, SCMP_ACT_ERRNO(EACCES), call, masked_equals(2, PROT_EXEC, PROT_EXEC));
    }
    return good;
}

// abort() and the like may end the worker itself; the worker sets its own limits of CPU time.
bool allow_on_itself(scmp_filter_ctx filter) {
    const auto self = static_cast<scmp_datum_t>(::getpid());
    return rule(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), equals(0, self)) &&
           rule(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), equals(0, 0));
}

base::Status enter_seccomp() {
    const Filter filter(seccomp_init(SCMP_ACT_KILL_PROCESS), seccomp_release);
    if (filter == nullptr)
        return base::error("seccomp: no memory");
    bool good = seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0;
    for (const int call : kAllowed)
        good = good && seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0) == 0;
    for (const int call : kAllowedToSanitizers)
        good = good && seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0) == 0;
    for (const int call : kRefused)
        good = good && seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EPERM), call, 0) == 0;
    // The C library falls back to clone(2) on ENOSYS only.
    good = good && seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
    good = good && forbid_executable_memory(filter.get()) && allow_on_itself(filter.get());
    if (!good)
        return base::error("seccomp: a rule was refused");
    if (const int code = seccomp_load(filter.get()); code != 0) {
        errno = -code;
        return base::errno_error("seccomp_load");
    }
    return base::ok();
}

}  // namespace

base::Status apply_limits(const SandboxLimits& limits) {
    struct Item {
        __rlimit_resource resource;
        rlim_t value;
        const char* name;
    };
    const auto mapped = mapped_memory();
    const Item items[] = {
        {RLIMIT_CORE, 0, "RLIMIT_CORE"},
        {RLIMIT_NPROC, 0, "RLIMIT_NPROC"},
        {RLIMIT_NOFILE, kMaxOpenFiles, "RLIMIT_NOFILE"},
        {RLIMIT_FSIZE, limits.file_size > 0 ? limits.file_size : RLIM_INFINITY, "RLIMIT_FSIZE"},
        {RLIMIT_AS, kLimitMemory && mapped > 0 && limits.memory > 0 ? mapped + limits.memory : RLIM_INFINITY,
         "RLIMIT_AS"},
    };
    for (const auto& item : items) {
        if (auto set = limit(item.resource, item.value, item.name); !set)
            return set;
    }
    // A file that would grow too big is an error of the scan, not the end of the worker.
    ::signal(SIGXFSZ, SIG_IGN);
    return base::ok();
}

void allow_cpu_time(std::chrono::seconds more) {
    static rlim_t in_force = 0;  // it counts whole seconds, and so seldom changes
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto wanted = static_cast<rlim_t>(used.ru_utime.tv_sec + used.ru_stime.tv_sec + 1 + more.count());
    if (wanted == in_force)
        return;
    rlimit limit{};
    if (::getrlimit(RLIMIT_CPU, &limit) != 0)
        return;
    limit.rlim_cur = std::min(wanted, limit.rlim_max);
    if (::setrlimit(RLIMIT_CPU, &limit) == 0)  // only a second belt: without it the deadline still holds
        in_force = wanted;
}

SandboxSupport sandbox_support() {
    SandboxSupport support;
    const auto abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    support.landlock = abi > 0 ? static_cast<int>(abi) : 0;
    support.seccomp = ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
    return support;
}

base::Status enter_sandbox(const SandboxSupport& support, const std::string& temporary_directory) {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return base::errno_error("no_new_privs");
    if (support.landlock > 0) {
        if (auto entered = enter_landlock(support.landlock, temporary_directory); !entered)
            return entered;
    }
    if (support.seccomp) {
        if (auto entered = enter_seccomp(); !entered)
            return entered;
    }
    return base::ok();
}

}  // namespace scanners
