// libclamav and nothing else, as a measure for the workers: a process of its own, into which nothing of the daemon is
// linked. Started by bench_scan, which sends mails over descriptor 3 and hears what each cost.
//
//   bench_scan_alone HEAP DATABASE TMPDIR MAX_FILESIZE MAX_SCANSIZE MAX_RECURSION MAX_FILES
//
// HEAP: "kept", memory that libclamav gave back serves the next mail; "trimmed", the C library's defaults, with which
// it depends on what lies at the heap's end whether each mail pays for new pages.
//
// Packets: a message in a memfd -> { nanoseconds of CPU (8), name of the signature }, in the order of the host.
#include <clamav.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

namespace {

constexpr int kChannel = 3;

std::uint64_t cpu_nanoseconds() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

int receive_descriptor() {
    char octet = 0;
    iovec part{&octet, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    msghdr packet{};
    packet.msg_iov = &part;
    packet.msg_iovlen = 1;
    packet.msg_control = control;
    packet.msg_controllen = sizeof control;
    if (::recvmsg(kChannel, &packet, 0) <= 0 || CMSG_FIRSTHDR(&packet) == nullptr)
        return -1;
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&packet)), sizeof fd);
    return fd;
}

// As the workers' scanner does it (scanners/clamav/clamav_scanner.cpp): the same options and limits.
std::string scan(cl_engine* engine, const void* mail, std::size_t size) {
    cl_scan_options options{};
    options.general = CL_SCAN_GENERAL_HEURISTICS;
    options.parse = ~0U;
    options.heuristic =
        CL_SCAN_HEURISTIC_EXCEEDS_MAX | CL_SCAN_HEURISTIC_ENCRYPTED_ARCHIVE | CL_SCAN_HEURISTIC_ENCRYPTED_DOC;
    const char* name = nullptr;
    unsigned long scanned = 0;
    cl_fmap_t* map = cl_fmap_open_memory(mail, size);
    const auto code = cl_scanmap_callback(map, nullptr, &name, &scanned, engine, &options, nullptr);
    cl_fmap_close(map);
    return code == CL_VIRUS ? std::string(name == nullptr ? "-" : name) : std::string();
}

bool serve_one(cl_engine* engine) {
    const int fd = receive_descriptor();
    if (fd < 0)
        return false;
    struct stat status {};
    ::fstat(fd, &status);
    const auto size = static_cast<std::size_t>(status.st_size);
    void* mail = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    ::close(fd);
    const auto begin = cpu_nanoseconds();
    const auto name = scan(engine, mail, size);
    const auto took = cpu_nanoseconds() - begin;
    ::munmap(mail, size);
    std::string answer(sizeof took, '\0');
    std::memcpy(answer.data(), &took, sizeof took);
    answer += name;
    return ::send(kChannel, answer.data(), answer.size(), 0) > 0;
}

int refuse(const char* what) {
    std::fprintf(stderr, "bench_scan_alone: %s\n", what);
    return 1;
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 8)
        return refuse("started by bench_scan only");
    if (std::strcmp(*++arguments, "kept") == 0) {
        ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
        ::mallopt(M_TRIM_THRESHOLD, 256 << 20);
    }
    unsigned loaded = 0;
    cl_engine* engine = nullptr;
    if (cl_init(CL_INIT_DEFAULT) != CL_SUCCESS || (engine = cl_engine_new()) == nullptr)
        return refuse("libclamav cannot be initialised");
    const cl_engine_field limits[] = {CL_ENGINE_MAX_FILESIZE, CL_ENGINE_MAX_SCANSIZE, CL_ENGINE_MAX_RECURSION,
                                      CL_ENGINE_MAX_FILES};
    int argument = 3;
    for (const auto limit : limits) {
        const auto value = std::strtoll(arguments[argument++], nullptr, 10);
        if (value != 0)
            cl_engine_set_num(engine, limit, value);
    }
    cl_engine_set_num(engine, CL_ENGINE_DISABLE_CACHE, 1);
    cl_engine_set_str(engine, CL_ENGINE_TMPDIR, arguments[2]);
    if (cl_load(arguments[1], engine, &loaded, CL_DB_STDOPT) != CL_SUCCESS || cl_engine_compile(engine) != CL_SUCCESS)
        return refuse("the database cannot be loaded");
    const std::string ready = "ready";
    ::send(kChannel, ready.data(), ready.size(), 0);
    while (serve_one(engine)) {
    }
    return 0;
}
