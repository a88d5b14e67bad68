// What looking for expressions costs a message: 10,000 keywords and several hundred regular expressions at once, beside
// the numbers that check themselves.
//
// Prints what compiling takes in time and memory, and microseconds of CPU for messages of several sizes. The line of
// 4 KiB has a bound, which a release build has to keep: over it the program fails. Usage: bench_expressions [KEYWORDS
// [REGEXES]]
#include "scanners/content/expressions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>

#include "made_words.hpp"

namespace {

using bench::cpu_microseconds;

constexpr double kBound = 300;  // microseconds of CPU for 4 KiB

// Octets of anonymous memory that the process has in use.
std::size_t resident() {
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/proc/self/statm", "re"), std::fclose);
    unsigned long long all = 0;
    unsigned long long pages = 0;
    if (file == nullptr || std::fscanf(file.get(), "%llu %llu", &all, &pages) != 2)
        return 0;
    return pages * 4096;
}

}  // namespace

int main(int count, char** arguments) {
    const auto argument = [&](int at, unsigned otherwise) {
        return count > at ? static_cast<unsigned>(std::strtoul(arguments[at], nullptr, 10)) : otherwise;
    };
    const unsigned keywords = argument(1, 10000);
    const unsigned regexes = argument(2, 400);
    bench::Words words;
    const auto all = bench::definitions(words, keywords, regexes);
    const auto before = resident();
    const auto begin = cpu_microseconds();
    const auto compiled = scanners::content::Expressions::compile(all);
    if (!compiled) {
        fmt::print("{}\n", compiled.error().message);
        return 1;
    }
    const auto facts = compiled->facts();
    fmt::print(
        "{} keywords, {} regular expressions: compiled in {:.2f} s of CPU, tables {:.1f} MiB, process grew by {:.1f} "
        "MiB, "
        "{} not filtered\n",
        keywords, regexes, (cpu_microseconds() - begin) / 1e6, static_cast<double>(facts.memory) / 1048576,
        static_cast<double>(resident() - before) / 1048576, facts.unfiltered);
    bool kept = true;
    fmt::print("{:>12} {:>10} {:>8} {:>8}\n", "octets", "CPU us", "MB/s", "hits");
    for (const std::size_t size : {1024UL, 4096UL, 65536UL, 1048576UL}) {
        const auto text = bench::message(words, all, size);
        const std::vector<scanners::Text> texts = {{0, scanners::Place::kBody, text}};
        std::size_t hits = compiled->match(texts).hits.size();  // warm
        const auto rounds = std::max<std::size_t>(3, (8U << 20) / size);
        const auto start = cpu_microseconds();
        for (std::size_t i = 0; i < rounds; ++i)
            hits = compiled->match(texts).hits.size();
        const auto each = (cpu_microseconds() - start) / static_cast<double>(rounds);
        fmt::print("{:>12} {:>10.1f} {:>8.0f} {:>8}\n", size, each, static_cast<double>(size) / each, hits);
        if (size == 4096 && each > kBound) {
            fmt::print("over the bound of {:.0f} us\n", kBound);
            kept = false;
        }
    }
    return kept ? 0 : 1;
}
