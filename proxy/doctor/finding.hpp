// Finding: what one check of sandwichctl doctor has found, how bad it is, and what to do about it. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace doctor {

enum class Level : std::uint8_t {
    kOk,
    kWarning,  // mail goes on, but something is not as it should be, or could not be looked at
    kFailure,  // mail is held up, lost to the scanner, or in danger
};

struct Finding {
    Level level = Level::kOk;
    std::string about;  // "port 25", "route 10 mail1.example.com:25"
    std::string text;
    std::string cure;  // one line: what to do; never empty unless kOk
    bool operator==(const Finding&) const = default;
};
using Findings = std::vector<Finding>;

Finding fine(std::string about, std::string text);
Finding warning(std::string about, std::string text, std::string cure);
Finding failure(std::string about, std::string text, std::string cure);

void append(Findings& to, Findings more);

// One line, and one with the cure.
std::string to_text(const Finding& finding);
// "12 ok, 1 warning, no failure"
std::string summary(const Findings& findings);

// 0: all is well; 1: there are warnings; 2: there are failures.
int exit_status(const Findings& findings);

}  // namespace doctor
