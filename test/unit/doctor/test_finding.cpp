// What is printed, the exit status, and what a failed connection tells.
#include <doctest/doctest.h>

#include "doctor/contact.hpp"
#include "doctor/finding.hpp"

using namespace doctor;

TEST_CASE("a finding is a line, with its cure on the next") {
    CHECK(to_text(fine("disk", "much")) == "ok       disk: much\n");
    CHECK(to_text(warning("disk", "little", "more")) == "warning  disk: little\n         cure: more\n");
    CHECK(to_text(failure("disk", "none", "more")) == "FAILURE  disk: none\n         cure: more\n");
}

TEST_CASE("the worst finding is the exit status") {
    CHECK(exit_status({}) == 0);
    CHECK(exit_status({fine("a", "b")}) == 0);
    CHECK(exit_status({fine("a", "b"), warning("a", "b", "c")}) == 1);
    CHECK(exit_status({failure("a", "b", "c"), fine("a", "b"), warning("a", "b", "c")}) == 2);
    CHECK(summary({fine("a", "b"), warning("a", "b", "c"), warning("a", "b", "c")}) ==
          "1 ok, 2 warnings, no failure\n");
    CHECK(summary({failure("a", "b", "c")}) == "0 ok, no warning, 1 failure\n");
}

TEST_CASE("a refused connection is no matter of a firewall first, a silent one is") {
    const auto refused = cure_of({Reach::kRefused, "Connection refused"}, "192.0.2.1:25");
    CHECK(refused.find("start the server at 192.0.2.1:25") == 0);
    const auto silent = cure_of({Reach::kSilent, "no answer in time"}, "192.0.2.1:25");
    CHECK(silent.find("open 192.0.2.1:25 in the firewalls") == 0);
    CHECK(cure_of({Reach::kUnreachable, "No route to host"}, "192.0.2.1:25").find("route from this machine") !=
          std::string::npos);
    CHECK(cure_of({Reach::kNoName, "Name or service not known"}, "").find("correct the name") == 0);
    CHECK(cure_of({Reach::kOther, "x"}, "here").find("here") != std::string::npos);
    CHECK(cure_of({Reach::kConnected, {}}, "here").empty());
    CHECK(to_text({Reach::kRefused, "x"}) == "connection refused");
    CHECK(to_text({Reach::kSilent, "x"}) == "no answer in time");
    CHECK(to_text({Reach::kUnreachable, "No route to host"}) == "No route to host");
}
