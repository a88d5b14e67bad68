// Where libclamav reads small files into the heap: it finds the same in them, and behind their end there is nothing.
#include <clamav.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "made_database.hpp"
#include "scanners/clamav/file_maps.hpp"
#include "scanners/clamav/in_library.hpp"
#include "scanners/clamav/layout.hpp"

namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kMiB = 1U << 20;
constexpr std::string_view kSignature = "the last words";

struct File {
    std::string octets;
    std::size_t at_once = SIZE_MAX;  // more are not read in one go
    char* begin = nullptr;           // where it was read to
};

// As from a disk; what lies behind the end of the file gets written over, too, as memory of the heap may be anything.
off_t read_file(void* handle, void* buffer, std::size_t count, off_t offset) {
    auto& file = *static_cast<File*>(handle);
    const auto from = static_cast<std::size_t>(offset);
    const auto part = std::min({count, file.at_once, file.octets.size() - from});
    file.begin = static_cast<char*>(buffer) - from;
    std::memcpy(buffer, file.octets.data() + from, part);
    const auto end = from + part;
    if (end == file.octets.size() && end % kPage != 0)
        std::memset(file.begin + end, 'x', kPage - end % kPage);
    return static_cast<off_t>(part);
}

// The first one in this program to open a file, so that read_file() is taken for libclamav's own.
using Open = decltype(cl_fmap_open_handle);

struct Scanned {
    bool found = false;
    bool on_pages = false;  // the memory was the system's
    bool empty_behind = false;
};

using Map = std::unique_ptr<cl_fmap_t, decltype(&cl_fmap_close)>;

bool begins_a_page(const Map& map) {
    const auto* const octets = reinterpret_cast<scanners::clamav::layout::Map*>(map.get())->octets;
    return reinterpret_cast<std::uintptr_t>(octets) % kPage == 0;
}

Scanned scan(cl_engine* engine, Open* open, File& file, int gives_back) {
    const Map map(open(&file, 0, file.octets.size(), read_file, gives_back), cl_fmap_close);
    // In the heap one of two may begin where a page does, by chance; with what the heap puts before each, not both.
    const Map another(open(&file, 0, file.octets.size(), read_file, gives_back), cl_fmap_close);
    REQUIRE((map != nullptr && another != nullptr));
    cl_scan_options options{};
    options.parse = ~0U;
    const char* name = nullptr;
    unsigned long scanned = 0;
    const auto code = cl_scanmap_callback(map.get(), nullptr, &name, &scanned, engine, &options, nullptr);
    REQUIRE((code == CL_CLEAN || code == CL_VIRUS));
    REQUIRE(file.begin != nullptr);
    const auto end = file.octets.size();
    const auto last = (end + kPage - 1) / kPage * kPage;
    return {code == CL_VIRUS, begins_a_page(map) && begins_a_page(another),
            std::all_of(file.begin + end, file.begin + last, [](char octet) { return octet == 0; })};
}

}  // namespace

TEST_CASE("small files are read into the heap, with nothing behind them, and the same is found") {
    scanners::clamav::link_file_maps();
    made::silence_libclamav();
    REQUIRE(cl_init(CL_INIT_DEFAULT) == CL_SUCCESS);
    const made::Directory database;
    database.write("test.ndb", "Last:0:EOF-14:" + made::hex(kSignature));
    database.write("test.ndb", "Behind:0:*:" + made::hex("wordsxx"));
    made::Engine engine(database.path());
    auto* const library = scanners::clamav::in_library<Open>("cl_fmap_open_handle");
    for (const std::size_t size : {14UL, 15UL, kPage - 1, kPage, kPage + 1, 3 * kPage + 700, kMiB + 5, 4 * kMiB}) {
        for (const bool holds : {true, false}) {
            for (const std::size_t at_once : {SIZE_MAX, std::size_t{1000}}) {
                File file{std::string(size - kSignature.size(), '.') + std::string(kSignature), at_once};
                if (!holds)
                    file.octets.back() = '?';
                File same = file;
                const auto ours = scan(engine.get(), cl_fmap_open_handle, file, 1);
                const auto theirs = scan(engine.get(), library, same, 1);
                CHECK(ours.found == holds);
                CHECK(theirs.found == holds);
                CHECK(!ours.on_pages);
                CHECK(theirs.on_pages);
                CHECK(ours.empty_behind);
            }
        }
    }
}

TEST_CASE("large files, and those of which nothing may be given back, are libclamav's affair") {
    made::silence_libclamav();
    REQUIRE(cl_init(CL_INIT_DEFAULT) == CL_SUCCESS);
    const made::Directory database;
    database.write("test.ndb", "Last:0:EOF-14:" + made::hex(kSignature));
    made::Engine engine(database.path());
    File large{std::string(4 * kMiB + 1 - kSignature.size(), '.') + std::string(kSignature)};
    const auto of_large = scan(engine.get(), cl_fmap_open_handle, large, 1);
    CHECK(of_large.found);
    CHECK(of_large.on_pages);
    CHECK(!of_large.empty_behind);  // what was written there is still there: nobody stood between
    File kept{std::string(100, '.') + std::string(kSignature)};
    const auto of_kept = scan(engine.get(), cl_fmap_open_handle, kept, 0);
    CHECK(of_kept.found);
    CHECK(!of_kept.empty_behind);
}
