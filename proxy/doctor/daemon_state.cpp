#include "doctor/daemon_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace doctor {
namespace {

constexpr std::size_t kMostTold = 20;  // of many errors

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        if (end > 0)
            lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

// What stands behind "KEY: " in the status.
std::string_view value_of(std::string_view status, std::string_view key) {
    for (const auto line : lines_of(status))
        if (line.starts_with(key) && line.substr(key.size()).starts_with(": "))
            return line.substr(key.size() + 2);
    return {};
}

}  // namespace

Findings judge_configuration(const ConfigurationFacts& facts) {
    constexpr const char* kAbout = "configuration";
    if (!facts.not_run.empty())
        return {warning(kAbout, "not checked by sandwichd: " + facts.not_run, "install sandwichd beside sandwichctl")};
    Findings findings;
    const bool valid = facts.status == 0;
    for (const auto line : lines_of(facts.told)) {
        if (findings.size() == kMostTold)
            break;
        if (line.find("warning: ") != std::string_view::npos)
            findings.push_back(
                warning(kAbout, std::string(line), "see the key in sandwich.ini(5); leave it if it is meant so"));
        else if (!valid)
            findings.push_back(
                failure(kAbout, std::string(line), "correct the line that is named; sandwichd --check-config"));
    }
    if (valid)
        findings.insert(findings.begin(), fine(kAbout, facts.file + " is valid"));
    else if (std::none_of(findings.begin(), findings.end(),
                          [](const auto& one) { return one.level == Level::kFailure; }))
        findings.push_back(failure(kAbout, fmt::format("sandwichd --check-config ends with status {}", facts.status),
                                   "sandwichd -c " + facts.file + " --check-config"));
    return findings;
}

Findings judge_daemon(const DaemonFacts& facts) {
    constexpr const char* kAbout = "sandwichd";
    if (!facts.unreachable.empty())
        return {failure(kAbout, facts.unreachable,
                        "service sandwich start proxy (or restart it, when it runs but does not answer)")};
    Findings findings;
    if (const auto reload = value_of(facts.status, "last reload"); reload.find("refused") != std::string_view::npos)
        findings.push_back(
            warning(kAbout, fmt::format("the last reload was refused, the old configuration is in use: {}", reload),
                    "correct what is named, then service sandwich reload"));
    if (const auto workers = value_of(facts.status, "workers"); workers.starts_with("0 "))
        findings.push_back(
            failure(kAbout, "it has no scanner process: mail waits", "look into the log for why none starts"));
    for (const std::string_view key : {"journal", "explanations"})
        if (value_of(facts.status, key).find("CANNOT BE WRITTEN") != std::string_view::npos)
            findings.push_back(failure(kAbout, fmt::format("its {} cannot be written", key),
                                       "make room on its disk, or set its rights right"));
    if (value_of(facts.status, "users").find("CANNOT BE USED") != std::string_view::npos)
        findings.push_back(
            failure(kAbout, "its user list cannot be used", "look into the log for why; mail goes on meanwhile"));
    if (findings.empty())
        findings.push_back(fine(
            kAbout, fmt::format("it answers on {}; {} {}", facts.socket, "up for", value_of(facts.status, "uptime"))));
    return findings;
}

}  // namespace doctor
