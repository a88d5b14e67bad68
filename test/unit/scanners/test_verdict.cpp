// The table of libclamav's answers.
#include <doctest/doctest.h>

#include "scanners/clamav/verdict.hpp"

using policy::Cause;
using policy::Outcome;
using scanners::clamav::interpret;

TEST_CASE("only a name that is neither limit nor encryption is a virus") {
    struct Row {
        const char* name;
        Outcome outcome;
        Cause cause;
    };
    for (const auto& row : {
             Row{"Win.Test.EICAR_HDB-1", Outcome::kFound, Cause::kNone},
             Row{"Sandwich.Test.EICAR.UNOFFICIAL", Outcome::kFound, Cause::kNone},
             Row{"Heuristics.Phishing.Email.SpoofedDomain", Outcome::kFound, Cause::kNone},
             Row{nullptr, Outcome::kCannotTell, Cause::kLimit},
             Row{"", Outcome::kCannotTell, Cause::kLimit},
             Row{"Heuristics.Limits.Exceeded.MaxScanSize", Outcome::kCannotTell, Cause::kLimit},
             Row{"Heuristics.Limits.Exceeded", Outcome::kCannotTell, Cause::kLimit},
             Row{"Heuristics.Broken.Executable", Outcome::kCannotTell, Cause::kMalformed},
             Row{"Heuristics.Broken.Worm.UNOFFICIAL", Outcome::kFound, Cause::kNone},
             Row{"Heuristics.Encrypted.Zip", Outcome::kEncrypted, Cause::kNone},
             Row{"Heuristics.Encrypted.PDF", Outcome::kEncrypted, Cause::kNone},
             // Third-party signatures are signatures whatever they call themselves.
             Row{"Heuristics.Limits.Exceeded.Worm.UNOFFICIAL", Outcome::kFound, Cause::kNone},
             Row{"Heuristics.Encrypted.Locker.UNOFFICIAL", Outcome::kFound, Cause::kNone},
             Row{"Trojan.Heuristics.Limits.Exceeded", Outcome::kFound, Cause::kNone},
         }) {
        CAPTURE(row.name);
        const auto result = interpret(CL_VIRUS, row.name);
        CHECK(result.scanner == "clamav");
        CHECK(result.outcome == row.outcome);
        CHECK(result.cause == row.cause);
        CHECK(result.name == (row.name == nullptr ? "" : row.name));
    }
}

TEST_CASE("only CL_CLEAN without a name is clean") {
    CHECK(interpret(CL_CLEAN, nullptr).outcome == Outcome::kClean);
    CHECK(interpret(CL_CLEAN, nullptr).cause == Cause::kNone);
    CHECK(interpret(CL_CLEAN, "Win.Test").outcome == Outcome::kCannotTell);
    for (int code = CL_CLEAN + 1; code <= CL_ELAST_ERROR; ++code) {
        if (code == CL_VIRUS)
            continue;
        CAPTURE(code);
        const auto result = interpret(static_cast<cl_error_t>(code), nullptr);
        CHECK(result.outcome == Outcome::kCannotTell);
        CHECK(result.cause != Cause::kNone);
        CHECK_FALSE(result.detail.empty());
    }
    CHECK(interpret(CL_ETIMEOUT, nullptr).cause == Cause::kTimeout);
    CHECK(interpret(CL_EMAXREC, nullptr).cause == Cause::kLimit);
    CHECK(interpret(CL_EMAXSIZE, nullptr).cause == Cause::kLimit);
    CHECK(interpret(CL_EMAXFILES, nullptr).cause == Cause::kLimit);
    CHECK(interpret(CL_EMEM, nullptr).cause == Cause::kLimit);
    CHECK(interpret(CL_EPARSE, nullptr).cause == Cause::kMalformed);
    CHECK(interpret(CL_EFORMAT, nullptr).cause == Cause::kMalformed);
    CHECK(interpret(CL_EREAD, nullptr).cause == Cause::kError);
    CHECK(interpret(CL_VERIFIED, nullptr).cause == Cause::kError);
}

TEST_CASE("what libclamav could not do is not clean, though it says so") {
    const auto full = interpret(CL_CLEAN, nullptr, "cli_writen: write error: No space left on device");
    CHECK(full.outcome == Outcome::kCannotTell);
    CHECK(full.cause == Cause::kLimit);
    CHECK(full.detail == "cli_writen: write error: No space left on device");
    const auto other = interpret(CL_CLEAN, nullptr, "something else");
    CHECK(other.outcome == Outcome::kCannotTell);
    CHECK(other.cause == Cause::kError);
    CHECK(interpret(CL_VIRUS, "Heuristics.Encrypted.Zip", "something else").outcome == Outcome::kCannotTell);
    CHECK(interpret(CL_VIRUS, "Win.Test", "something else").outcome == Outcome::kFound);
    CHECK(interpret(CL_VIRUS, nullptr, "something else").cause == Cause::kLimit);
}
