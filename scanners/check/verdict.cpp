#include "scanners/check/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace scanners::check {
namespace {

using policy::Cause;
using policy::Outcome;

constexpr std::size_t kMaxName = 255;    // octets, as of every scanner
constexpr std::size_t kMaxDetail = 200;  // octets

// What it may say, besides error, when it cannot tell.
constexpr std::pair<std::string_view, Cause> kCauses[] = {{"down", Cause::kUnavailable},
                                                          {"limit", Cause::kLimit},
                                                          {"malformed", Cause::kMalformed},
                                                          {"stale", Cause::kStale}};

std::string_view trim(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r";
    const auto begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos)
        return {};
    return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

policy::ScanResult unknown(Cause cause, std::string detail) {
    detail.resize(std::min(detail.size(), kMaxDetail));
    return {{}, Outcome::kCannotTell, cause, {}, std::move(detail)};
}

}  // namespace

policy::ScanResult interpret(const Ending& ending) {
    switch (ending.kind) {
        case Ending::Kind::kDeadline:
            return unknown(Cause::kTimeout, "the program took too long");
        case Ending::Kind::kSignal:
            return unknown(Cause::kCrash, fmt::format("the program was ended by signal {}", ending.number));
        case Ending::Kind::kNotStarted:
            return unknown(Cause::kUnavailable, ending.line);
        case Ending::Kind::kExit:
            break;
    }
    const auto line = trim(ending.line);
    const auto word = line.substr(0, line.find_first_of(" \t"));
    const auto rest = trim(line.substr(word.size()));
    if ((word == "found" || word == "encrypted") && !rest.empty()) {
        std::string name(rest.substr(0, kMaxName));
        std::replace_if(
            name.begin(), name.end(), [](char c) { return c <= ' ' || c > '~'; }, '_');
        return {{}, word == "found" ? Outcome::kFound : Outcome::kEncrypted, Cause::kNone, std::move(name), {}};
    }
    if (line == "clean" && ending.number == 0)
        return {{}, Outcome::kClean, Cause::kNone, {}, {}};
    for (const auto& [its, cause] : kCauses)
        if (word == its)
            return unknown(cause, "the program says: " + std::string(rest));
    if (word == "error")
        return unknown(Cause::kError, "the program says: " + std::string(rest));
    return unknown(Cause::kError, fmt::format("exit status {}, and \"{}\"", ending.number, line.substr(0, 100)));
}

}  // namespace scanners::check
