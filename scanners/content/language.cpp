#include "scanners/content/language.hpp"

#include <libexttextcat/textcat.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/utf8.hpp"
#include "scanners/content/script.hpp"

namespace scanners::content {
namespace {

constexpr const char* kTables = "/usr/share/libexttextcat/";
constexpr const char* kList = "/usr/share/libexttextcat/fpdb.conf";

constexpr std::size_t kEnough = 1000;  // octets of words
// Letters below which the answer is often wrong; of scripts that few languages share, fewer tell.
constexpr std::uint64_t kFewLetters = 60;
constexpr std::uint64_t kFewOwnLetters = 12;
constexpr unsigned kMost = 50;  // per cent

// Words: no addresses, links, numbers, signs of programs. At most kEnough octets, cut between words.
std::string words_of(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r\n\f\v";
    constexpr std::string_view kOdd = "@/\\<>=_{}[]|#$%^&*+~0123456789";
    std::string words;
    while (!text.empty() && words.size() < kEnough) {
        text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
        const auto word = text.substr(0, text.find_first_of(kBlanks));
        text.remove_prefix(word.size());
        if (word.empty() || word.find_first_of(kOdd) != std::string_view::npos)
            continue;
        // A text without blanks is one word.
        words.append(words.empty() ? "" : " ").append(base::clean_utf8(word, kEnough));
    }
    return words;
}

bool is_own(const ScriptCount& count) {
    constexpr std::array kOwn = {Script::kGreek,  Script::kHebrew, Script::kHan,      Script::kKana,
                                 Script::kHangul, Script::kThai,   Script::kArmenian, Script::kGeorgian};
    return std::any_of(kOwn.begin(), kOwn.end(), [&count](Script script) { return count.share(script) >= kMost; }) ||
           count.share(Script::kHan) + count.share(Script::kKana) >= kMost;
}

// "de--utf8", "zh-CN-utf8", "sr-Latn--utf8": two letters, or none that ISO 639-1 has.
std::string code_of(std::string_view name) {
    const auto code = name.substr(0, name.find('-'));
    return code.size() == 2 ? std::string(code) : std::string();
}

struct Release {
    void* handle;
    void operator()(candidate_t* candidates) const { ::textcat_ReleaseClassifyFullOutput(handle, candidates); }
};

}  // namespace

void Languages::Close::operator()(void* handle) const {
    ::textcat_Done(handle);
}

base::Result<Languages> Languages::load() {
    void* const handle = ::special_textcat_Init(kList, kTables);
    if (handle == nullptr)
        return base::error("the tables of languages in {} cannot be read (package libexttextcat-data)", kTables);
    return Languages(handle);
}

std::string Languages::of(std::string_view text) const {
    const auto words = words_of(text);
    ScriptCount count;
    count.add(words);
    if (count.all < (is_own(count) ? kFewOwnLetters : kFewLetters))
        return {};
    const std::unique_ptr<candidate_t, Release> candidates(::textcat_GetClassifyFullOutput(handle_.get()),
                                                           Release{handle_.get()});
    if (candidates == nullptr)
        return {};
    const int found = ::textcat_ClassifyFull(handle_.get(), words.data(), words.size(), candidates.get());
    for (int i = 0; i < found; ++i)  // best first
        if (auto code = code_of(candidates.get()[i].name); !code.empty())
            return code;
    return {};
}

}  // namespace scanners::content
