// What opening a mail costs: hostile mails of 8 MiB, the slowest first, and the files that are given.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "evasion/hostile.hpp"
#include "scanners/examine.hpp"

namespace {

struct Cost {
    double seconds;
    std::size_t extras;
    std::size_t limits;
    std::string what;
};

Cost measure(const std::string& mail, std::string what) {
    const policy::ContentLimits limits;
    policy::Contents contents;
    scanners::Opening opening(limits, contents, scanners::Texts::kAll);
    const auto begin = std::chrono::steady_clock::now();
    scanners::examine(opening, mail);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    return {took.count(), opening.extras().size(), contents.exceeded.size(), std::move(what)};
}

std::string printable(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](char octet) { return octet < ' '; }, '|');
    return text;
}

}  // namespace

int main(int count, char** arguments) {
    std::vector<Cost> costs;
    for (int i = 1; i < count; ++i) {
        std::ifstream file(arguments[i], std::ios::binary);
        costs.push_back(measure({std::istreambuf_iterator<char>(file), {}}, arguments[i]));
    }
    if (count == 1) {
        for (const auto& mail : evasion::hostile_mails(8 << 20))
            costs.push_back(measure(mail, printable(mail.substr(0, 70))));
    }
    std::sort(costs.begin(), costs.end(),
              [](const Cost& left, const Cost& right) { return left.seconds > right.seconds; });
    for (const auto& cost : costs)
        std::printf("%8.3f s  %3zu extras  %zu limits  %s\n", cost.seconds, cost.extras, cost.limits,
                    cost.what.c_str());
    return 0;
}
