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
#include <ctime>
#include <memory>
#include <random>
#include <string>

#include "policy/ready_made.hpp"
#include "scanners/content/html_text.hpp"

namespace {

using policy::Entry;

constexpr double kBound = 300;  // microseconds of CPU for 4 KiB

double cpu_microseconds() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

// Octets of anonymous memory that the process has in use.
std::size_t resident() {
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/proc/self/statm", "re"), std::fclose);
    unsigned long long all = 0;
    unsigned long long pages = 0;
    if (file == nullptr || std::fscanf(file.get(), "%llu %llu", &all, &pages) != 2)
        return 0;
    return pages * 4096;
}

// Words that sound like words; the same in every run.
class Words {
  public:
    std::string next() {
        static constexpr const char* kSyllables[] = {"ba", "cor", "de", "fin", "gu", "hal", "in", "ken", "lo",  "mar",
                                                     "ne", "or",  "pa", "qui", "ra", "sen", "ti", "un",  "ver", "zo"};
        std::string word;
        for (auto syllables = 2 + random_() % 3; syllables > 0; --syllables)
            word += kSyllables[random_() % std::size(kSyllables)];
        return word;
    }
    std::uint32_t number() { return static_cast<std::uint32_t>(random_()); }

  private:
    std::mt19937 random_{20261124};
};

Entry keyword(std::string text) {
    Entry entry;
    entry.pattern = std::move(text);
    return entry;
}

Entry regex(Words& words, unsigned kind) {
    const auto a = words.next();
    const auto b = words.next();
    Entry entry;
    entry.kind = Entry::Kind::kRegex;
    switch (kind % 8) {
        case 0:
            entry.pattern = fmt::format(R"(\b{}\s+(?:{}|{})\b)", a, b, words.next());
            break;
        case 1:
            entry.pattern = fmt::format(R"({}\d{{3,6}})", a);
            break;
        case 2:
            entry.pattern = fmt::format(R"({}[ ,.-]{{1,3}}{})", a, b);
            break;
        case 3:
            entry.pattern = fmt::format(R"(https?://[a-z0-9./-]{{1,60}}{}\.(?:com|net))", a);
            break;
        case 4:
            entry.pattern = fmt::format(R"({}-[A-Z]{{2}}-\d{{4}})", a);
            entry.case_sensitive = true;
            break;
        case 5:
            entry.pattern = fmt::format(R"((?<!\w){}(?= {}))", a, b);
            break;
        case 6:
            entry.pattern = fmt::format(R"({}.{{0,20}}{})", a, b);
            break;
        default:
            entry.pattern = fmt::format(R"({}(?:ed|ing|s)? (?:the|a) {})", a, b);
            break;
    }
    return entry;
}

std::vector<policy::Expression> definitions(Words& words, unsigned keywords, unsigned regexes) {
    std::vector<policy::Expression> all;
    for (unsigned made = 0; made < keywords;) {
        policy::Expression list;
        list.name = fmt::format("keywords-{}", made);
        list.threshold = 1000;
        for (unsigned i = 0; i < 500 && made < keywords; ++i, ++made)
            list.entries.push_back(keyword(words.next() + (made % 3 == 0 ? " " : "") + words.next()));
        all.push_back(std::move(list));
    }
    for (unsigned i = 0; i < regexes; ++i) {
        policy::Expression one;
        one.name = fmt::format("regex-{}", i);
        one.entries = {regex(words, i)};
        all.push_back(std::move(one));
    }
    for (const auto* name : {"cards", "iban", "us-ssn"})
        all.push_back(*policy::ready_made(name));
    return all;
}

// Prose with numbers, a link and, every 50 words, one of the keywords.
std::string message(Words& words, const std::vector<policy::Expression>& all, std::size_t size) {
    std::string text;
    for (unsigned count = 1; text.size() < size; ++count) {
        if (count % 50 == 0)
            text += all[0].entries[words.number() % all[0].entries.size()].pattern;
        else if (count % 40 == 0)
            text += std::to_string(words.number());
        else if (count % 90 == 0)
            text += "https://www." + words.next() + ".com/" + words.next();
        else
            text += words.next();
        text += count % 12 == 0 ? "\r\n" : " ";
    }
    text.resize(size);
    return text;
}

}  // namespace

int main(int count, char** arguments) {
    const auto argument = [&](int at, unsigned otherwise) {
        return count > at ? static_cast<unsigned>(std::strtoul(arguments[at], nullptr, 10)) : otherwise;
    };
    const unsigned keywords = argument(1, 10000);
    const unsigned regexes = argument(2, 400);
    Words words;
    const auto all = definitions(words, keywords, regexes);
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
        const auto text = message(words, all, size);
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
