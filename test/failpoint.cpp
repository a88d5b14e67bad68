// The failpoints of the program under test: each is armed by a file of its name in the directory that
// SANDWICH_FAILPOINTS names, and acts once.
//
// Whoever reaches an armed point renames its file to NAME.reached and stands still until the test has taken that away
// (by then it has killed whom it wanted to kill), or for kPatience.
#include "base/failpoint.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

namespace failpoint {
namespace {

constexpr auto kPatience = std::chrono::seconds(20);
constexpr auto kLook = std::chrono::milliseconds(2);

}  // namespace

void reached(const char* name) {
    static const char* const directory = std::getenv("SANDWICH_FAILPOINTS");
    if (directory == nullptr)
        return;
    const auto armed = std::string(directory) + "/" + name;
    const auto mark = armed + ".reached";
    if (std::rename(armed.c_str(), mark.c_str()) != 0)
        return;
    for (const auto end = std::chrono::steady_clock::now() + kPatience;
         ::access(mark.c_str(), F_OK) == 0 && std::chrono::steady_clock::now() < end;)
        std::this_thread::sleep_for(kLook);
}

}  // namespace failpoint
