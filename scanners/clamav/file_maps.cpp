// Zygote and workers: one thread.
#include "scanners/clamav/file_maps.hpp"

#include <clamav.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "scanners/clamav/in_library.hpp"
#include "scanners/clamav/layout.hpp"
#include "scanners/clamav/spared_lines.hpp"

namespace scanners::clamav {
namespace {

// libclamav gives no page back before it has twice as much of a file.
constexpr std::size_t kLargest = 4U << 20;

constexpr std::size_t kPage = 4096;  // no system that libclamav runs on has smaller ones

clcb_pread read_file = nullptr;  // of libclamav

// The last one.
struct Opened {
    void* handle = nullptr;
    cl_fmap_t* map = nullptr;
};
Opened opened;

// New pages are empty behind the end of a file; so are these. What is read ends with a page, or with the file.
off_t read_and_clear(void* handle, void* buffer, std::size_t count, off_t offset) {
    const auto got = read_file(handle, buffer, count, offset);
    const auto of_last_page = (static_cast<std::size_t>(offset) + count) % kPage;
    if (got > 0 && static_cast<std::size_t>(got) == count && of_last_page != 0)
        std::memset(static_cast<char*>(buffer) + count, 0, kPage - of_last_page);
    return got;
}

}  // namespace

void link_file_maps() {}

std::string_view take_opened_file(int file) {
    const auto last = std::exchange(opened, {});
    if (last.map == nullptr || reinterpret_cast<std::intptr_t>(last.handle) != file ||
        !std::string_view(cl_retver()).starts_with(layout::kVersion))
        return {};
    auto* const map = reinterpret_cast<layout::Map*>(last.map);
    if (!layout::is_as_expected(*map))
        return {};
    const auto* const octets = map->need(map, 0, map->length, 0);
    return octets == nullptr ? std::string_view()
                             : std::string_view(reinterpret_cast<const char*>(octets), map->length);
}

}  // namespace scanners::clamav

using namespace scanners::clamav;

extern "C" __attribute__((visibility("default"))) cl_fmap_t* cl_fmap_open_handle(void* handle, std::size_t offset,
                                                                                 std::size_t length, clcb_pread read,
                                                                                 int gives_back) {
    static auto* const library = in_library<decltype(cl_fmap_open_handle)>("cl_fmap_open_handle");
    opened = {};
    SparedLines::opened(static_cast<int>(reinterpret_cast<std::intptr_t>(handle)), offset == 0 ? length : 0);
    if (gives_back == 0 || length > kLargest || (read_file != nullptr && read_file != read))
        return library(handle, offset, length, read, gives_back);
    read_file = read;
    auto* const map = library(handle, offset, length, read_and_clear, 0);
    if (offset == 0)
        opened = {handle, map};
    return map;
}
