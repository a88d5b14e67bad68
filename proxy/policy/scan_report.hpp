// What the scanners say about one message: facts only. What follows from them is policy/decision.hpp's affair.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/contents.hpp"

namespace policy {

enum class Outcome : std::uint8_t {
    kClean,
    kFound,       // `name` is the signature
    kEncrypted,   // could not look inside; `name` is the heuristic
    kCannotTell,  // see `cause`
};

// Why a scanner cannot tell (invariant 6: that is not clean).
enum class Cause : std::uint8_t {
    kNone,
    kTimeout,
    kLimit,
    kCrash,
    kError,
    kUnavailable,
    kMalformed,  // too broken to say what it holds
    kStale,      // the signatures are too old; beside what they say
};
inline constexpr auto kLastCause = Cause::kStale;

struct ScanResult {
    std::string scanner;  // "clamav"
    Outcome outcome = Outcome::kCannotTell;
    Cause cause = Cause::kError;  // kNone unless kCannotTell
    std::string name;             // signature or heuristic, at most 255 octets; empty when there is none
    std::string detail;           // for the log
};

// Who says in a result that a limit of looking inside was reached; its name has the limits, with blanks between them.
inline constexpr std::string_view kContentsScanner = "contents";
// Who says that the policy's expressions were not looked for to the end.
inline constexpr std::string_view kExpressionsScanner = "expressions";
// Who cannot tell when a worker was lost or none could be asked.
inline constexpr std::string_view kWorkers = "scanner";

struct ScanReport {
    std::vector<ScanResult> results;
    std::string signatures;        // generation that judged: "clamav 27800, 12 loaded 2026-11-23T05:11:00Z" or like it
    std::uint32_t generation = 0;  // its number since the start, as the log has it; 0: nothing judged
    std::chrono::microseconds elapsed{0};
    Contents contents = {};    // what is in the message
    bool worker_lost = false;  // the scanner process died of this message, or was killed because it took too long
};

// A report for a message that no scanner could look at.
ScanReport cannot_tell(std::string_view scanner, Cause cause, std::string_view detail);

// What is none of the known facts is no fact at all: cannot tell (invariant 6).
Outcome outcome_of(const ScanResult& result);

// Found, then cannot tell, then encrypted, then clean; a report without results is "cannot tell".
Outcome worst_outcome(const ScanReport& report);

// The one that weighs more, in that order; the first of two that weigh the same.
ScanResult worse(ScanResult one, ScanResult other);

std::string_view to_string(Outcome outcome);
std::string_view to_string(Cause cause);

// One short text for log and quarantine: "clean", "found Eicar-Signature", "encrypted Heuristics.Encrypted.Zip",
// "cannot tell (timeout)". Several names or causes are joined with ", ". Printable ASCII, at most 400 octets.
std::string summary(const ScanReport& report);

}  // namespace policy
