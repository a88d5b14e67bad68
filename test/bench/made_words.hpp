// Words that sound like words, expressions about them and prose made of them: the same in every run, for benchmarks.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <ctime>
#include <iterator>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "policy/expression.hpp"
#include "policy/ready_made.hpp"

namespace bench {

using policy::Entry;

inline double cpu_microseconds() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

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

inline Entry keyword(std::string text) {
    Entry entry;
    entry.pattern = std::move(text);
    return entry;
}

inline Entry regex(Words& words, unsigned kind) {
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

inline std::vector<policy::Expression> definitions(Words& words, unsigned keywords, unsigned regexes) {
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
inline std::string message(Words& words, const std::vector<policy::Expression>& all, std::size_t size) {
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

}  // namespace bench
