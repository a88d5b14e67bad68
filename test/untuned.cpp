// In place of what makes scanning cheaper (scanners_tuning): the C library and libclamav as they are.
#include "scanners/clamav/encoded_line.hpp"
#include "scanners/clamav/file_maps.hpp"
#include "scanners/clamav/image_hashes.hpp"
#include "scanners/clamav/logical_expression.hpp"
#include "scanners/clamav/matchers.hpp"
#include "scanners/clamav/normalized_text.hpp"
#include "scanners/clamav/regular_expressions.hpp"
#include "scanners/clamav/remove_directory.hpp"
#include "scanners/clamav/scanf.hpp"
#include "scanners/clamav/seen_parts.hpp"
#include "scanners/clamav/spared_lines.hpp"
#include "scanners/worker/memory.hpp"

namespace scanners {

void clamav::link_encoded_line() {}
void clamav::link_file_maps() {}
std::string_view clamav::take_opened_file(int /*file*/) {
    return {};
}
void clamav::link_logical_expression() {}
void clamav::link_normalized_text() {}
void clamav::look_for_needed_octets() {}
void clamav::link_remove_directory() {}
void clamav::link_scanf() {}
void clamav::watch_for_image_hashes() {}
bool clamav::image_hashes_wanted() {
    return true;
}
std::size_t clamav::prepare_matchers() {
    return 0;
}
std::size_t clamav::hide_unseen_signatures() {
    return 0;
}
bool clamav::keep_seen_parts() {
    return false;
}
void clamav::link_spared_lines() {}
clamav::SparedLines::SparedLines(std::string_view /*mail*/, std::span<const EncodedFile> /*files*/) {}
clamav::SparedLines::~SparedLines() = default;
void clamav::SparedLines::show(cl_fmap* /*map*/) {}
bool clamav::SparedLines::all_scanned() const {
    return true;
}
void keep_heap() {}
void shrink_heap() {}

}  // namespace scanners
