#include "scanners/attachment/pdf_cmap.hpp"

#include <algorithm>
#include <utility>

#include "scanners/attachment/pdf_lexer.hpp"

namespace scanners::attachment {
namespace {

constexpr std::size_t kMaxRanges = 100000;
constexpr std::size_t kMaxSpaces = 64;
constexpr std::size_t kMaxCharacters = 64;  // octets that one code stands for

}  // namespace

std::uint32_t pdf_code(std::string_view octets) {
    std::uint32_t code = 0;
    for (const char c : octets.substr(0, 4))
        code = code << 8 | static_cast<unsigned char>(c);
    return code;
}

class PdfCMapReader {
  public:
    explicit PdfCMapReader(std::string_view octets) : lexer_(octets, PdfLexer::Of::kContent) {}

    PdfCMap run() {
        for (auto token = lexer_.next(); token.kind != PdfToken::Kind::kEnd; token = lexer_.next()) {
            if (token.kind != PdfToken::Kind::kKeyword)
                continue;
            if (token.text == "begincodespacerange")
                spaces();
            else if (token.text == "beginbfchar")
                characters();
            else if (token.text == "beginbfrange")
                ranges();
        }
        std::stable_sort(map_.ranges_.begin(), map_.ranges_.end(),
                         [](const auto& a, const auto& b) { return a.first < b.first; });
        return std::move(map_);
    }

  private:
    // The next string of a list; false: the list is over.
    bool string(PdfToken& token) {
        token = lexer_.next();
        return token.kind == PdfToken::Kind::kString;
    }

    void spaces() {
        PdfToken first, last;
        while (string(first) && string(last)) {
            if (map_.spaces_.size() < kMaxSpaces && !first.text.empty() && first.text.size() <= 4)
                map_.spaces_.push_back({first.text.size(), pdf_code(first.text), pdf_code(last.text)});
        }
    }

    void characters() {
        PdfToken code, text;
        while (string(code) && string(text))
            add(pdf_code(code.text), pdf_code(code.text), std::move(text.text));
    }

    void ranges() {
        PdfToken first, last;
        while (string(first) && string(last)) {
            auto text = lexer_.next();
            if (text.kind == PdfToken::Kind::kArrayBegin)
                each(pdf_code(first.text));
            else if (text.kind == PdfToken::Kind::kString)
                add(pdf_code(first.text), pdf_code(last.text), std::move(text.text));
            else
                return;
        }
    }

    void each(std::uint32_t code) {
        PdfToken text;
        while (string(text)) {
            add(code, code, std::move(text.text));
            ++code;
        }
    }

    void add(std::uint32_t first, std::uint32_t last, std::string characters) {
        characters.resize(std::min(characters.size(), kMaxCharacters));
        if (last >= first && map_.ranges_.size() < kMaxRanges)
            map_.ranges_.push_back({first, last, std::move(characters)});
    }

    PdfLexer lexer_;
    PdfCMap map_;
};

PdfCMap PdfCMap::read(std::string_view octets) {
    return PdfCMapReader(octets).run();
}

std::string PdfCMap::characters(std::uint32_t code) const {
    auto range = std::upper_bound(ranges_.begin(), ranges_.end(), code,
                                  [](std::uint32_t value, const Range& other) { return value < other.first; });
    if (range == ranges_.begin() || (--range)->last < code)
        return {};
    auto text = range->characters;
    if (text.size() == 1)
        text.insert(0, 1, '\0');  // some write one octet
    auto more = code - range->first;
    if (text.size() < 2 || more == 0)
        return text;
    const auto unit = pdf_code(std::string_view(text).substr(text.size() - 2)) + more;
    text[text.size() - 2] = static_cast<char>(unit >> 8 & 0xFF);
    text[text.size() - 1] = static_cast<char>(unit & 0xFF);
    return text;
}

std::size_t PdfCMap::code_length(std::string_view text) const {
    for (std::size_t octets = 1; octets <= std::min<std::size_t>(text.size(), 4); ++octets) {
        const auto code = pdf_code(text.substr(0, octets));
        const bool fits = std::any_of(spaces_.begin(), spaces_.end(), [&](const Space& space) {
            return space.octets == octets && space.first <= code && code <= space.last;
        });
        if (fits)
            return octets;
    }
    return 0;
}

}  // namespace scanners::attachment
