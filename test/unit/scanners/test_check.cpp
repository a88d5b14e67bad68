#include <doctest/doctest.h>

#include <string>

#include "scanners/check/verdict.hpp"
#include "scanners/check/wire.hpp"

namespace {

using policy::Cause;
using policy::Outcome;
using scanners::check::Answer;
using scanners::check::decode_answer;
using scanners::check::decode_job;
using scanners::check::encode;
using scanners::check::Ending;
using scanners::check::interpret;
using scanners::check::Job;
using Kind = Ending::Kind;

}  // namespace

TEST_CASE("what a check program says, and how it ended, together are a result") {
    struct Case {
        Ending ending;
        Outcome outcome;
        Cause cause;
        const char* name;
    };
    for (const auto& c : {
             Case{{Kind::kExit, 0, "clean"}, Outcome::kClean, Cause::kNone, ""},
             Case{{Kind::kExit, 0, " clean \r"}, Outcome::kClean, Cause::kNone, ""},
             Case{{Kind::kExit, 1, "clean"}, Outcome::kCannotTell, Cause::kError, ""},
             Case{{Kind::kExit, 0, "clean of Worm.A"}, Outcome::kCannotTell, Cause::kError, ""},
             Case{{Kind::kExit, 0, "Clean"}, Outcome::kCannotTell, Cause::kError, ""},
             Case{{Kind::kExit, 0, ""}, Outcome::kCannotTell, Cause::kError, ""},
             Case{{Kind::kExit, 0, "found Worm.A"}, Outcome::kFound, Cause::kNone, "Worm.A"},
             Case{{Kind::kExit, 1, "found  Worm A\x01"}, Outcome::kFound, Cause::kNone, "Worm_A_"},
             Case{{Kind::kExit, 0, "found"}, Outcome::kCannotTell, Cause::kError, ""},
             Case{{Kind::kExit, 0, "found "}, Outcome::kCannotTell, Cause::kError, ""},
             Case{{Kind::kExit, 0, "encrypted Zip"}, Outcome::kEncrypted, Cause::kNone, "Zip"},
             Case{{Kind::kExit, 0, "error no licence"}, Outcome::kCannotTell, Cause::kError, ""},
             Case{{Kind::kExit, 0, "limit 100 MB"}, Outcome::kCannotTell, Cause::kLimit, ""},
             Case{{Kind::kExit, 1, "malformed"}, Outcome::kCannotTell, Cause::kMalformed, ""},
             Case{{Kind::kExit, 0, "stale since May"}, Outcome::kCannotTell, Cause::kStale, ""},
             Case{{Kind::kExit, 0, "limits"}, Outcome::kCannotTell, Cause::kError, ""},
             Case{{Kind::kExit, 127, "down cannot be executed"}, Outcome::kCannotTell, Cause::kUnavailable, ""},
             Case{{Kind::kSignal, 11, "clean"}, Outcome::kCannotTell, Cause::kCrash, ""},
             Case{{Kind::kDeadline, 0, "clean"}, Outcome::kCannotTell, Cause::kTimeout, ""},
             Case{{Kind::kNotStarted, 0, "clean"}, Outcome::kCannotTell, Cause::kUnavailable, ""},
         }) {
        CAPTURE(c.ending.line);
        const auto result = interpret(c.ending);
        CHECK(result.outcome == c.outcome);
        CHECK(result.cause == c.cause);
        CHECK(result.name == c.name);
    }
    const auto longest = interpret({Kind::kExit, 0, "found " + std::string(990, 'x')});
    CHECK(longest.name.size() == 255);
    CHECK(interpret({Kind::kExit, 0, "error " + std::string(990, 'x')}).detail.size() <= 200);
}

TEST_CASE("packets of the runner read back as they were, and any other is refused") {
    const Job job{7, std::chrono::milliseconds(60000), "check mine"};
    CHECK(decode_job(encode(job)) == job);
    for (const auto* bad : {"", "J", "J1", "J1 2", "J1 2 ", "J1 x name", "Jx 2 name", "A1 2 name", "J1 3600001 name",
                            "J-1 2 name", "J99999999999 2 name"})
        CHECK_MESSAGE(!decode_job(bad), bad);
    CHECK_FALSE(decode_job("J1 2 " + std::string(101, 'n')));
    for (const auto& ending :
         {Ending{Kind::kExit, 0, "clean"}, Ending{Kind::kSignal, 9, ""}, Ending{Kind::kDeadline, 0, ""},
          Ending{Kind::kNotStarted, 0, "no"}, Ending{Kind::kExit, 255, std::string(scanners::check::kMaxLine, 'x')}}) {
        const Answer answer{4294967295U, ending};
        CHECK(decode_answer(encode(answer)) == answer);
    }
    for (const auto* bad : {"", "A", "A1", "A1 ", "A1 x", "A1 x0", "A1 y0 clean", "A1 x256 clean", "A1 x-1 clean",
                            "Ax x0 clean", "J1 x0 clean"})
        CHECK_MESSAGE(!decode_answer(bad), bad);
    CHECK_FALSE(decode_answer("A1 x0 " + std::string(scanners::check::kMaxLine + 1, 'x')));
}
