// Short ways to define an expression and to look for it.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scanners/content/expressions.hpp"

namespace looking {

using policy::Entry;
using scanners::Place;

inline Entry keyword(std::string pattern) {
    Entry entry;
    entry.pattern = std::move(pattern);
    entry.origin = "policy.ini:12";
    return entry;
}

inline Entry regex(std::string pattern) {
    Entry entry = keyword(std::move(pattern));
    entry.kind = Entry::Kind::kRegex;
    return entry;
}

inline Entry number(Entry::Kind kind) {
    Entry entry;
    entry.kind = kind;
    return entry;
}

inline policy::Expression expression(std::vector<Entry> entries, std::uint32_t threshold = 1) {
    policy::Expression made;
    made.name = "test";
    made.origin = "policy.ini:10";
    made.entries = std::move(entries);
    made.threshold = threshold;
    return made;
}

inline scanners::content::Expressions compile(const std::vector<policy::Expression>& definitions) {
    auto compiled = scanners::content::Expressions::compile(definitions);
    if (!compiled)
        FAIL(compiled.error().message);
    return std::move(*compiled);
}

inline scanners::content::Matches match(const scanners::content::Expressions& expressions, std::string_view text,
                                        Place place = Place::kBody, const scanners::content::MatchLimits& limits = {}) {
    const std::vector<scanners::Text> texts = {{3, place, text}};
    return expressions.match(texts, limits);
}

// The score of the one expression in the text; 0: no hit. What cannot be told fails the test.
inline std::uint32_t score(const policy::Expression& definition, std::string_view text, Place place = Place::kBody) {
    const auto matches = match(compile({definition}), text, place);
    CHECK(matches.undecided.empty());
    CHECK(matches.complete);
    CHECK(matches.hits.size() <= 1);
    return matches.hits.empty() ? 0 : matches.hits[0].score;
}

inline bool finds(const Entry& entry, std::string_view text) {
    return score(expression({entry}), text) > 0;
}

}  // namespace looking
