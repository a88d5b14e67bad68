// Of the zygote's thread that loads.
#include "scanners/clamav/image_hashes.hpp"

#include <clamav.h>

#include <cstdint>
#include <string_view>

#include "scanners/clamav/in_library.hpp"
#include "scanners/clamav/layout.hpp"

struct cli_matcher;
struct cli_lsig_tdb;

namespace scanners::clamav {
namespace {

bool seen_any = false;
bool seen_image_hash = false;

}  // namespace

void watch_for_image_hashes() {
    seen_any = seen_image_hash = false;
}

bool image_hashes_wanted() {
    const bool known = seen_any && std::string_view(cl_retver()).starts_with(layout::kVersion);
    return !known || seen_image_hash;
}

}  // namespace scanners::clamav

using namespace scanners::clamav;

extern "C" __attribute__((visibility("default"))) cl_error_t readdb_parse_ldb_subsignature(
    cli_matcher* matcher, const char* name, char* part, const char* offset, const std::uint32_t* id, unsigned options,
    int index, int count, cli_lsig_tdb* attributes) {
    static auto* const library = in_library<decltype(readdb_parse_ldb_subsignature)>("readdb_parse_ldb_subsignature");
    seen_any = true;
    // Anywhere in it: rather made for nothing than not made.
    if (std::string_view(part).find("fuzzy_img") != std::string_view::npos)
        seen_image_hash = true;
    return library(matcher, name, part, offset, id, options, index, count, attributes);
}
