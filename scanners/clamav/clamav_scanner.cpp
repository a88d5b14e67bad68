// Engine life cycle and options of libclamav. Zygote and workers; single-threaded.
#include "scanners/clamav/clamav_scanner.hpp"

#include <clamav.h>
#include <malloc.h>

#include <memory>
#include <optional>
#include <utility>

#include "scanners/clamav/database.hpp"
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
#include "scanners/clamav/verdict.hpp"

namespace scanners::clamav {
namespace {

// What libclamav complains of goes to a callback without a context of ours; a worker scans one mail at a time.
std::string first_complaint;

void keep_first_complaint(cl_msg severity, const char* /*full*/, const char* text, void* /*context*/) {
    if (severity == CL_MSG_ERROR && first_complaint.empty() && text != nullptr)
        first_complaint = text;
}

std::string_view complaint() {
    std::string_view words = first_complaint;
    while (words.ends_with('\n'))
        words.remove_suffix(1);
    return words;
}

cl_scan_options options(bool image_hashes) {
    cl_scan_options wanted{};
    // No HEURISTIC_PRECEDENCE: a heuristic (a limit, something encrypted) is told only if no signature matches anywhere
    // in the mail, so that a virus beside an encrypted archive is "found". No ALLMATCHES: one match decides.
    wanted.general = CL_SCAN_GENERAL_HEURISTICS;
    wanted.parse = ~0U;  // everything that libclamav can read
    if (!image_hashes)
        wanted.parse &= ~static_cast<unsigned>(CL_SCAN_PARSE_IMAGE_FUZZY_HASH);
    wanted.heuristic =
        CL_SCAN_HEURISTIC_EXCEEDS_MAX | CL_SCAN_HEURISTIC_ENCRYPTED_ARCHIVE | CL_SCAN_HEURISTIC_ENCRYPTED_DOC;
    return wanted;
}

base::Status initialise_library() {
    static const cl_error_t code = cl_init(CL_INIT_DEFAULT);
    if (code != CL_SUCCESS)
        return base::error("libclamav cannot be initialised: {}", cl_strerror(code));
    return base::ok();
}

}  // namespace

ClamavScanner::ClamavScanner(config::Settings::Clamav settings, std::chrono::milliseconds scan_time)
    : settings_(std::move(settings)), scan_time_(scan_time) {}

ClamavScanner::~ClamavScanner() {
    if (engine_ != nullptr)
        cl_engine_free(engine_);
}

std::string_view ClamavScanner::name() const {
    return kName;
}

base::Status ClamavScanner::set_limits() {
    const auto set = [this](cl_engine_field field, std::uint64_t value) {
        return value == 0 || cl_engine_set_num(engine_, field, static_cast<long long>(value)) == CL_SUCCESS;
    };
    // The cache of clean files is keyed by MD5 (libclamav before 1.5): of two files made to collide, the harmless one
    // sent first would let the other one through. There is one of ours (clean_parts.hpp).
    const bool done =
        set(CL_ENGINE_MAX_FILESIZE, settings_.max_file_size) && set(CL_ENGINE_MAX_SCANSIZE, settings_.max_scan_size) &&
        set(CL_ENGINE_MAX_RECURSION, settings_.max_recursion) && set(CL_ENGINE_MAX_FILES, settings_.max_files) &&
        set(CL_ENGINE_MAX_SCANTIME, static_cast<std::uint64_t>(scan_time_.count()) * 9 / 10) &&
        set(CL_ENGINE_DISABLE_CACHE, 1);
    if (!done)
        return base::error("libclamav refuses a limit of [scanner.clamav]");
    return base::ok();
}

base::Status ClamavScanner::load() {
    link_encoded_line();
    link_file_maps();
    link_logical_expression();
    link_normalized_text();
    look_for_needed_octets();
    link_remove_directory();
    link_scanf();
    link_spared_lines();
    if (auto ready = initialise_library(); !ready)
        return ready;
    engine_ = cl_engine_new();
    if (engine_ == nullptr)
        return base::error("libclamav: no memory for an engine");
    if (auto limits = set_limits(); !limits)
        return limits;
    auto parts = CleanParts::make(settings_.remember_clean);
    if (!parts)
        return parts.error();
    parts_.emplace(std::move(*parts));
    CleanParts::attach(engine_);
    watch_for_image_hashes();
    auto loaded = load_databases(settings_, engine_);
    if (!loaded)
        return loaded.error();
    image_hashes_ = image_hashes_wanted();
    if (const auto code = cl_engine_compile(engine_); code != CL_SUCCESS)
        return base::error("libclamav cannot prepare the signatures: {}", cl_strerror(code));
    prepare_matchers();
    if (keep_seen_parts())
        hide_unseen_signatures();
    ::malloc_trim(0);  // what only loading needed
    made_ = loaded->made;
    signatures_ =
        fmt::format("{} of {}, loaded {}", loaded->description, base::iso8601(made_), base::iso8601(base::Wall::now()));
    return base::ok();
}

std::string ClamavScanner::outdated() const {
    const auto most = settings_.max_signature_age;
    if (most.count() == 0 || base::Wall::now() - made_ <= most)
        return {};
    return fmt::format("the signatures are of {}", base::iso8601(made_));
}

base::Status ClamavScanner::enter_worker(const std::string& temporary_directory) {
    cl_set_clcb_msg(keep_first_complaint);
    const auto code = cl_engine_set_str(engine_, CL_ENGINE_TMPDIR, temporary_directory.c_str());
    if (code != CL_SUCCESS)
        return base::error("libclamav refuses the temporary directory: {}", cl_strerror(code));
    return base::ok();
}

policy::ScanResult ClamavScanner::scan(std::string_view mail, const Parts& parts) {
    auto worst = scan_one(mail, false, parts.files);
    for (const auto& extra : parts.extras) {
        if (worst.outcome == policy::Outcome::kFound)
            break;
        worst = policy::worse(std::move(worst), scan_one(extra.octets, true));
    }
    return worst;
}

policy::ScanResult ClamavScanner::scan_one(std::string_view octets, bool again, std::span<const EncodedFile> files) {
    if (octets.empty() || !parts_->begin(octets, again))  // libclamav cannot map nothing
        return interpret(CL_CLEAN, nullptr);
    const std::unique_ptr<cl_fmap_t, decltype(&cl_fmap_close)> map(cl_fmap_open_memory(octets.data(), octets.size()),
                                                                   cl_fmap_close);
    if (map == nullptr)
        return interpret(CL_EMAP, nullptr);
    std::optional<SparedLines> spared(std::in_place, octets, files);
    if (spared->any())
        spared->show(map.get());
    auto wanted = options(image_hashes_);
    first_complaint.clear();
    const char* signature = nullptr;
    unsigned long scanned = 0;
    const auto code = cl_scanmap_callback(map.get(), nullptr, &signature, &scanned, engine_, &wanted, &*parts_);
    auto result = interpret(code, signature, complaint());
    const bool whole = !spared->any() || spared->all_scanned();
    parts_->end(whole && result.outcome == policy::Outcome::kClean);
    if (whole || result.outcome == policy::Outcome::kFound)
        return result;
    spared.reset();
    return scan_one(octets, again);
}

}  // namespace scanners::clamav
