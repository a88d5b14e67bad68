#include "scanners/clamav/clean_parts.hpp"

#include <clamav.h>

#include <stdexcept>
#include <utility>

#include "scanners/clamav/file_maps.hpp"

namespace scanners::clamav {
namespace {

constexpr std::string_view kMail = "CL_TYPE_MAIL";

}  // namespace

base::Result<CleanParts> CleanParts::make(std::size_t most) {
    auto fingerprints = base::Fingerprints::with_new_key();
    if (!fingerprints)
        return fingerprints.error();
    return CleanParts(std::move(*fingerprints), most);
}

void CleanParts::attach(cl_engine* engine) {
    cl_engine_set_clcb_pre_cache(engine, [](int file, const char* type, void* context) {
        return static_cast<cl_error_t>(before(file, type, context));
    });
    cl_engine_set_clcb_post_scan(engine, [](int file, int result, const char* name, void* context) {
        return static_cast<cl_error_t>(after(file, result, name, context));
    });
}

bool CleanParts::begin(std::string_view file, bool again) {
    seen_.clear();
    depth_ = 0;
    in_mail_ = false;
    if (!wanted_ || !again)
        return true;
    const auto fingerprint = fingerprint_of({}, file);
    if (fingerprint)
        seen_.push_back(*fingerprint);
    return !fingerprint || !memory_.has(*fingerprint);
}

void CleanParts::end(bool clean) {
    if (clean) {
        for (const auto& fingerprint : seen_)
            memory_.add(fingerprint);
    }
    seen_.clear();
}

// Called by libclamav for each file once its type is known. CL_BREAK: it need not be looked at.
int CleanParts::before(int file, const char* type, void* context) {
    auto* const self = static_cast<CleanParts*>(context);
    if (self == nullptr || type == nullptr)
        return CL_CLEAN;
    const auto depth = self->depth_++;
    if (depth == 0)
        self->in_mail_ = type == kMail;
    const bool known = depth == 1 && self->in_mail_ && self->wanted_ && self->is_known(file, type);
    return known ? CL_BREAK : CL_CLEAN;
}

// And behind it.
int CleanParts::after(int /*file*/, int /*result*/, const char* /*name*/, void* context) {
    if (auto* const self = static_cast<CleanParts*>(context); self != nullptr && self->depth_ > 0)
        --self->depth_;
    return CL_CLEAN;
}

bool CleanParts::is_known(int file, std::string_view type) {
    const auto octets = take_opened_file(file);
    const auto fingerprint = octets.empty() || type.empty() ? std::nullopt : fingerprint_of(type, octets);
    if (!fingerprint)
        return false;
    seen_.push_back(*fingerprint);
    return memory_.has(*fingerprint);
}

// Of a file for itself, which has no type here, or of one in a mail: with the zero behind the type no file of the one
// kind has the fingerprint of one of the other. Nothing: the library fails, and it is looked at.
std::optional<base::Fingerprint> CleanParts::fingerprint_of(std::string_view type, std::string_view octets) const {
    try {
        auto running = fingerprints_.begin();
        running.add(type);
        running.add({"\0", 1});
        running.add(octets);
        return running.end();
    } catch (const std::runtime_error&) {
        return std::nullopt;
    }
}

}  // namespace scanners::clamav
