#include "scanners/clamav/verdict.hpp"

#include <string_view>

#include "scanners/clamav/alert.hpp"

namespace scanners::clamav {
namespace {

using policy::Cause;
using policy::Outcome;

policy::ScanResult result(Outcome outcome, Cause cause, std::string_view name, std::string_view detail) {
    return {kName, outcome, cause, std::string(name), std::string(detail)};
}

Cause cause_of(cl_error_t code) {
    switch (code) {
        case CL_ETIMEOUT:
            return Cause::kTimeout;
        case CL_EMAXREC:
        case CL_EMAXSIZE:
        case CL_EMAXFILES:
        case CL_EMEM:  // the worker's memory is a limit of ours
            return Cause::kLimit;
        case CL_EFORMAT:
        case CL_EPARSE:
            return Cause::kMalformed;
        default:
            return Cause::kError;
    }
}

policy::ScanResult answer(cl_error_t code, std::string_view name) {
    if (code == CL_VIRUS)
        return interpret_alert(kName, name);
    if (code == CL_CLEAN && name.empty())
        return result(Outcome::kClean, Cause::kNone, {}, {});
    if (code == CL_CLEAN)  // never seen; an alert that contradicts its code is not clean
        return result(Outcome::kCannotTell, Cause::kError, name, "libclamav named a signature and said clean");
    return result(Outcome::kCannotTell, cause_of(code), name, cl_strerror(code));
}

}  // namespace

policy::ScanResult interpret(cl_error_t code, const char* signature, std::string_view complaint) {
    const std::string_view name = signature == nullptr ? std::string_view{} : std::string_view(signature);
    auto told = answer(code, name);
    if (complaint.empty() || told.outcome == Outcome::kFound || told.outcome == Outcome::kCannotTell)
        return told;
    // What could not be written is a matter of worker_tmp_size.
    const bool full = complaint.find("write") != std::string_view::npos;
    return result(Outcome::kCannotTell, full ? Cause::kLimit : Cause::kError, told.name, complaint);
}

}  // namespace scanners::clamav
