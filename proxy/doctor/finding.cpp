#include "doctor/finding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

namespace doctor {
namespace {

std::string counted(std::ptrdiff_t number, std::string_view what) {
    if (number == 0)
        return fmt::format("no {}", what);
    return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

std::ptrdiff_t count(const Findings& findings, Level level) {
    return std::count_if(findings.begin(), findings.end(), [&](const Finding& one) { return one.level == level; });
}

}  // namespace

Finding fine(std::string about, std::string text) {
    return {Level::kOk, std::move(about), std::move(text), {}};
}

Finding warning(std::string about, std::string text, std::string cure) {
    return {Level::kWarning, std::move(about), std::move(text), std::move(cure)};
}

Finding failure(std::string about, std::string text, std::string cure) {
    return {Level::kFailure, std::move(about), std::move(text), std::move(cure)};
}

void append(Findings& to, Findings more) {
    to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

std::string to_text(const Finding& finding) {
    const std::string_view word = finding.level == Level::kOk        ? "ok"
                                  : finding.level == Level::kWarning ? "warning"
                                                                     : "FAILURE";
    auto text = fmt::format("{:<8} {}: {}\n", word, finding.about, finding.text);
    if (!finding.cure.empty())
        text += fmt::format("         cure: {}\n", finding.cure);
    return text;
}

std::string summary(const Findings& findings) {
    return fmt::format("{} ok, {}, {}\n", count(findings, Level::kOk),
                       counted(count(findings, Level::kWarning), "warning"),
                       counted(count(findings, Level::kFailure), "failure"));
}

int exit_status(const Findings& findings) {
    if (count(findings, Level::kFailure) > 0)
        return 2;
    return count(findings, Level::kWarning) > 0 ? 1 : 0;
}

}  // namespace doctor
