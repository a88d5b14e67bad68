// libclamav alone: one engine, one process, one thread, each mail handed over whole as clamscan would, with the options
// that sandwichd uses. What a scan costs here is what everything around the scan is compared with. See `kUsage`.
#include <clamav.h>
#include <fmt/format.h>
#include <malloc.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "texts.hpp"

namespace {

constexpr const char* kUsage =
    "usage: bench_engine DATABASE TEMPORARY_DIRECTORY\n"
    "Prints a line of JSON when the signatures are loaded. Then, for each line of standard input,\n"
    "    MESSAGES SECONDS DIRECTORY\n"
    "scans the mails in DIRECTORY one after the other and again, as many or as long (0: any), and prints another.\n"
    "TEMPORARY_DIRECTORY should be on a tmpfs.\n";

using Clock = std::chrono::steady_clock;
using Engine = std::unique_ptr<cl_engine, decltype(&cl_engine_free)>;
using Map = std::unique_ptr<cl_fmap_t, decltype(&cl_fmap_close)>;

double own_cpu() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

void check(cl_error_t code, const char* what) {
    if (code != CL_SUCCESS)
        throw std::runtime_error(fmt::format("{}: {}", what, cl_strerror(code)));
}

// Limits as sandwich.ini has them by default.
Engine make_engine(const char* database, const char* directory, unsigned& signatures) {
    check(cl_init(CL_INIT_DEFAULT), "cl_init");
    Engine engine(cl_engine_new(), [](cl_engine* one) { return cl_engine_free(one); });
    if (engine == nullptr)
        throw std::runtime_error("no memory for an engine");
    const auto set = [&](cl_engine_field field, long long value) {
        check(cl_engine_set_num(engine.get(), field, value), "cl_engine_set_num");
    };
    constexpr long long kMebi = 1 << 20;
    set(CL_ENGINE_MAX_FILESIZE, 100 * kMebi);
    set(CL_ENGINE_MAX_SCANSIZE, 400 * kMebi);
    set(CL_ENGINE_MAX_RECURSION, 17);
    set(CL_ENGINE_MAX_FILES, 10000);
    set(CL_ENGINE_DISABLE_CACHE, 1);
    check(cl_engine_set_str(engine.get(), CL_ENGINE_TMPDIR, directory), "temporary directory");
    check(cl_load(database, engine.get(), &signatures, CL_DB_STDOPT), "cl_load");
    check(cl_engine_compile(engine.get()), "cl_engine_compile");
    return engine;
}

bool matches(const cl_engine* engine, const std::string& mail) {
    const Map map(cl_fmap_open_memory(mail.data(), mail.size()), cl_fmap_close);
    if (map == nullptr)
        throw std::runtime_error("cl_fmap_open_memory");
    cl_scan_options options{};
    options.general = CL_SCAN_GENERAL_HEURISTICS;
    options.parse = ~0U;
    options.heuristic =
        CL_SCAN_HEURISTIC_EXCEEDS_MAX | CL_SCAN_HEURISTIC_ENCRYPTED_ARCHIVE | CL_SCAN_HEURISTIC_ENCRYPTED_DOC;
    const char* name = nullptr;
    unsigned long scanned = 0;
    return cl_scanmap_callback(map.get(), nullptr, &name, &scanned, engine, &options, nullptr) == CL_VIRUS;
}

void scan(const cl_engine* engine, const std::vector<bench::Text>& texts, std::uint64_t messages, double seconds) {
    std::uint64_t done = 0;
    std::uint64_t found = 0;
    const auto begun = Clock::now();
    const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - begun).count(); };
    const auto before = own_cpu();
    while ((messages == 0 || done < messages) && (seconds == 0 || elapsed() < seconds)) {
        const auto& text = texts[done % texts.size()];
        auto mail = bench::received_field(done);
        const auto offset = mail.size();
        mail += text.octets;
        bench::make_unique(mail, text, offset, done++);
        found += matches(engine, mail) ? 1 : 0;
    }
    fmt::print(R"({{"messages": {}, "found": {}, "seconds": {:.6f}, "cpu": {:.6f}}})"
               "\n",
               done, found, elapsed(), own_cpu() - before);
    std::fflush(stdout);
}

void serve(const cl_engine* engine) {
    std::map<std::string, std::vector<bench::Text>> sets;
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream words(line);
        std::uint64_t messages = 0;
        double seconds = 0;
        std::string directory;
        if (!(words >> messages >> seconds >> std::ws) || !std::getline(words, directory) ||
            (messages == 0 && seconds == 0))
            throw std::runtime_error("cannot read: " + line);
        auto& texts = sets[directory];
        if (texts.empty())
            texts = bench::read_texts({directory});
        scan(engine, texts, messages, seconds);
    }
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 3) {
        std::fputs(kUsage, stderr);
        return 2;
    }
    // Memory that libclamav gave back serves the next file. With the C library's defaults it depends on what lies at
    // the heap's end whether each file pays for new pages.
    ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
    ::mallopt(M_TRIM_THRESHOLD, 256 << 20);
    try {
        unsigned signatures = 0;
        const auto engine = make_engine(arguments[1], arguments[2], signatures);
        fmt::print("{{\"signatures\": {}}}\n", signatures);
        std::fflush(stdout);
        serve(engine.get());
    } catch (const std::exception& problem) {
        fmt::print(stderr, "bench_engine: {}\n", problem.what());
        return 1;
    }
    return 0;
}
