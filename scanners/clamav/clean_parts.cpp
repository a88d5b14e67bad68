#include "scanners/clamav/clean_parts.hpp"

#include <clamav.h>

#include <exception>
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
    return !is_known({}, file);
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
    const bool known = depth == 1 && self->in_mail_ && self->wanted_ && self->is_known_in_mail(file, type);
    return known ? CL_BREAK : CL_CLEAN;
}

// And behind it.
int CleanParts::after(int /*file*/, int /*result*/, const char* /*name*/, void* context) {
    if (auto* const self = static_cast<CleanParts*>(context); self != nullptr && self->depth_ > 0)
        --self->depth_;
    return CL_CLEAN;
}

bool CleanParts::is_known_in_mail(int file, std::string_view type) {
    const auto octets = take_opened_file(file);
    return !octets.empty() && !type.empty() && is_known(type, octets);
}

// Whether such a file was clean; if not, it is one more that was seen. False as well when the library fails or there is
// no memory: libclamav is on the stack, through which nothing may be thrown, and looks at the file.
bool CleanParts::is_known(std::string_view type, std::string_view octets) {
    try {
        const auto fingerprint = fingerprint_of(type, octets);
        seen_.push_back(fingerprint);
        return memory_.has(fingerprint);
    } catch (const std::exception&) {
        return false;
    }
}

// Of a file for itself, which has no type here, or of one in a mail: with the zero behind the type no file of the one
// kind has the fingerprint of one of the other.
base::Fingerprint CleanParts::fingerprint_of(std::string_view type, std::string_view octets) const {
    auto running = fingerprints_.begin();
    running.add(type);
    running.add({"\0", 1});
    running.add(octets);
    return running.end();
}

}  // namespace scanners::clamav
