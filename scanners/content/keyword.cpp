#include "scanners/content/keyword.hpp"

#include <algorithm>

#include "scanners/content/normalise.hpp"
#include "scanners/content/unicode.hpp"

namespace scanners::content {
namespace {

// Stand for the wildcards while a keyword is normalised; no text has them.
constexpr char32_t kRun = 0xf8fe;
constexpr char32_t kOne = 0xf8ff;

// One word: what a text has between blanks and punctuation. Bounded, or a keyword could span a whole document.
constexpr std::string_view kRunPattern = R"([^ !-&(-,./:-@\[-^`{-~]{0,64})";
constexpr std::string_view kOnePattern = "[^ ]";
constexpr std::string_view kRunFilter = "[^ ]*";

std::string with_marks(std::string_view pattern) {
    std::string marked;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const char c = pattern[i];
        const char next = i + 1 < pattern.size() ? pattern[i + 1] : '\0';
        if (c == '\\' && (next == '*' || next == '?' || next == '\\'))
            marked.push_back(pattern[++i]);
        else if (c == '*' || c == '?')
            append_utf8(marked, c == '*' ? kRun : kOne);
        else
            marked.push_back(c);
    }
    return marked;
}

bool touches(char32_t edge, char32_t neighbour) {
    return is_word(edge) && is_word(neighbour) && !is_unspaced(edge) && !is_unspaced(neighbour);
}

}  // namespace

base::Result<Keyword> read_keyword(const policy::Entry& entry) {
    std::string text = normalise(entry.wildcards ? with_marks(entry.pattern) : entry.pattern);
    if (!entry.case_sensitive)
        text = fold_case(text);
    Keyword keyword;
    std::string expression;
    bool something = false;
    for (std::size_t at = 0; at < text.size();) {
        const auto begin = at;
        const char32_t code = next_character(text, at);
        if (entry.wildcards && (code == kRun || code == kOne)) {
            keyword.literal = false;
            expression += code == kRun ? kRunPattern : kOnePattern;
            keyword.filter += code == kRun ? kRunFilter : kOnePattern;
            continue;
        }
        something = true;
        const std::string_view escape = code < 0x80 && !is_word(code) && code != ' ' ? "\\" : "";
        for (auto* pattern : {&expression, &keyword.filter})
            (*pattern += escape) += text.substr(begin, at - begin);
    }
    if (!something)
        return base::error("a keyword without a letter");
    keyword.pattern = keyword.literal ? text : expression;
    return keyword;
}

bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) {
    if (begin > 0) {
        std::size_t at = begin;
        if (touches(next_character(text, at), character_before(text, begin)))
            return false;
    }
    if (end < text.size()) {
        std::size_t at = end;
        return !touches(character_before(text, end), next_character(text, at));
    }
    return true;
}

}  // namespace scanners::content
