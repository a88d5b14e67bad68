#include <doctest/doctest.h>

#include "ctl/entry_text.hpp"

using quarantine::Entry;
using quarantine::ReleaseState;

namespace {

Entry hostile() {
    Entry entry;
    entry.id = "1K0XC8BSAY2J8S";
    entry.time = base::Wall::from_time_t(0);
    entry.size = 7;
    entry.verdict = "found X\nid: forged";
    entry.envelope = {"a\tb\x1b@c", " SIZE=7", {{"r\n@d", " NOTIFY=NEVER"}, {"s@d", ""}}};
    return entry;
}

}  // namespace

TEST_CASE("a list line is one line of seven fields, whatever strangers wrote") {
    const auto line = ctl::list_line(hostile(), false);
    CHECK(line ==
          "1K0XC8BSAY2J8S\theld\t1970-01-01T00:00:00Z\t7\t<a\\x09b\\x1b@c>\t<r\\x0a@d> +1\tfound X\\x0aid: forged\n");
}

TEST_CASE("a description cannot be forged from within") {
    const auto text = ctl::describe(hostile(), false);
    CHECK(text.find("\nid: forged") == std::string::npos);
    CHECK(text.find("to:           <r\\x0a@d> NOTIFY=NEVER\n") != std::string::npos);
    CHECK(text.find("from:         <a\\x09b\\x1b@c> SIZE=7\n") != std::string::npos);
}

TEST_CASE("what speaks against a release") {
    auto entry = hostile();
    CHECK(ctl::reason_against_release(entry).empty());
    entry.release = ReleaseState::kReleasing;
    CHECK(ctl::reason_against_release(entry).find("may have been delivered already") != std::string::npos);
    CHECK(ctl::list_line(entry, false).find("\treleasing?\t") != std::string::npos);
    CHECK(ctl::list_line(entry, true).find("\treleasing\t") != std::string::npos);
    entry.release = ReleaseState::kReleased;
    entry.release_note = "2.0.0 ok";
    CHECK(ctl::reason_against_release(entry).find("(2.0.0 ok)") != std::string::npos);
}
