#include "scanners/content/normalise.hpp"

#include <cstddef>

#include "scanners/content/unicode.hpp"

namespace scanners::content {
namespace {

class Writer {
  public:
    explicit Writer(std::size_t expected) { out_.reserve(expected); }

    void blank() { blank_ = true; }
    void plain(char octet) {
        separate(static_cast<char32_t>(octet));
        begin_ = out_.size();
        last_ = static_cast<char32_t>(octet);
        out_.push_back(octet);
    }
    void put(char32_t code) {
        if (!blank_ && last_ != 0) {
            if (const char32_t both = compose(last_, code); both != 0) {
                out_.resize(begin_);
                last_ = both;
                append_utf8(out_, both);
                return;
            }
        }
        // A line through a word, dots below it: the reader still reads the word.
        if (is_decoration(code))
            return;
        separate(code);
        begin_ = out_.size();
        last_ = code;
        append_utf8(out_, code);
    }
    std::string take() { return std::move(out_); }

  private:
    void separate(char32_t next) {
        if (blank_ && !out_.empty() && !(is_unspaced(last_) && is_unspaced(next)))
            out_.push_back(' ');
        blank_ = false;
    }

    std::string out_;
    std::size_t begin_ = 0;  // where the last character begins
    char32_t last_ = 0;
    bool blank_ = false;
};

void put_folded(Writer& out, char32_t code) {
    const auto folded = compatible(code);
    switch (folded.kind) {
        case Folded::Kind::kBlank:
            out.blank();
            break;
        case Folded::Kind::kNothing:
            break;
        case Folded::Kind::kSame:
        case Folded::Kind::kOther:
            out.put(folded.code);
            break;
        case Folded::Kind::kSeveral:
            for (std::size_t at = 0; at < folded.several.size();) {
                if (folded.several[at] == ' ') {
                    out.blank();
                    ++at;
                } else {
                    out.put(next_character(folded.several, at));
                }
            }
            break;
    }
}

}  // namespace

std::string normalise(std::string_view text) {
    Writer out(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const char octet = text[at];
        if (octet > ' ' && octet <= '~') {
            out.plain(octet);
            ++at;
        } else if (octet == ' ') {
            out.blank();
            ++at;
        } else {
            put_folded(out, next_character(text, at));
        }
    }
    return out.take();
}

std::string fold_case(std::string_view normal) {
    std::string out;
    out.reserve(normal.size());
    for (std::size_t at = 0; at < normal.size();) {
        const char octet = normal[at];
        if (octet >= 0) {
            out.push_back(octet >= 'A' && octet <= 'Z' ? static_cast<char>(octet + ('a' - 'A')) : octet);
            ++at;
            continue;
        }
        const auto folded = lower(next_character(normal, at));
        if (folded.kind == Folded::Kind::kSeveral)
            out += folded.several;
        else
            append_utf8(out, folded.code);
    }
    return out;
}

std::string valid_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();)
        append_utf8(out, next_character(text, at));
    return out;
}

}  // namespace scanners::content
