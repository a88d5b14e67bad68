// What is printed, the exit status, what a failed connection tells, and checks that do not come to an end.
#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <thread>

#include "doctor/contact.hpp"
#include "doctor/finding.hpp"
#include "doctor/run_checks.hpp"

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

TEST_CASE("a check that throws, or is not done in time, is a failure, and the others are told all the same") {
    static std::atomic<bool> enough = false;
    const auto setup = std::make_shared<Setup>();
    std::string printed;
    setup->request.print = [&](const std::string& text) { printed += text; };
    const auto found = run_checks(
        {{"hangs",
          [](const Setup&) -> Findings {
              while (!enough)
                  std::this_thread::sleep_for(std::chrono::milliseconds(1));
              return {fine("hangs", "too late")};
          },
          std::chrono::seconds(0)},
         {"throws", [](const Setup&) -> Findings { throw std::runtime_error("no memory"); }, std::chrono::seconds(60)},
         {"well", [](const Setup&) -> Findings { return {fine("well", "it is")}; }, std::chrono::seconds(60)}},
        setup);
    enough = true;
    REQUIRE(found.size() == 3);
    CHECK(found[0].level == Level::kFailure);
    CHECK(found[0].about + ": " + found[0].text == "hangs: not done within 0 s");
    CHECK(found[0].cure.find("name service") != std::string::npos);
    CHECK(found[1].level == Level::kFailure);
    CHECK(found[1].about + ": " + found[1].text == "throws: could not be checked: no memory");
    CHECK(found[1].cure.find("report it") != std::string::npos);
    CHECK(found[2] == fine("well", "it is"));
    CHECK(printed == to_text(found[0]) + to_text(found[1]) + to_text(found[2]));
}
