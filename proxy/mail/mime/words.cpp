#include "mail/mime/words.hpp"

#include <algorithm>
#include <optional>

#include "mail/mime/base64.hpp"
#include "mail/mime/defect.hpp"
#include "mail/mime/quoted_printable.hpp"
#include "mail/text.hpp"

namespace mail::mime {
namespace {

// RFC 2047 section 2 allows 75; mailers write longer ones. A bound keeps "=?=?=?" linear.
constexpr std::size_t kMaxWord = 1000;

struct Word {
    std::string_view charset;
    std::string octets;
    std::size_t length = 0;
};

// The word that `text` begins with: "=?" is there already.
std::optional<Word> read_word(std::string_view text) {
    text = text.substr(0, kMaxWord);
    const auto charset_end = text.find('?', 2);
    if (charset_end == std::string_view::npos || charset_end + 2 >= text.size() || text[charset_end + 2] != '?')
        return std::nullopt;
    const char encoding = lower(text[charset_end + 1]);
    if (encoding != 'b' && encoding != 'q')
        return std::nullopt;
    const auto begin = charset_end + 3;
    const auto end = text.find("?=", begin);
    if (end == std::string_view::npos)
        return std::nullopt;
    const auto encoded = text.substr(begin, end - begin);
    auto charset = text.substr(2, charset_end - 2);
    charset = charset.substr(0, charset.find('*'));  // RFC 2231 section 5: a language
    std::uint64_t unused = 0;
    return Word{charset, encoding == 'q' ? decode_q(encoded) : decode_base64(encoded, Base64Reading::kContinue, unused),
                end + 2};
}

}  // namespace

std::string decode_words(std::string_view text, ToUtf8 to_utf8, std::uint64_t& defects) {
    std::string out;
    std::string pending;  // octets of words of one character set
    std::string charset;
    const auto flush = [&] {
        if (!pending.empty())
            out += to_utf8(pending, charset);
        pending.clear();
    };
    bool after_word = false;
    for (std::size_t at = 0; at < text.size();) {
        const auto next = std::min(text.find("=?", at), text.size());
        const auto between = text.substr(at, next - at);
        if (!after_word || !trim(between).empty()) {
            flush();
            if (!between.empty())
                out += to_utf8(between, "utf-8");
        }
        at = next;
        if (at == text.size())
            break;
        const auto word = read_word(text.substr(at));
        if (!word) {
            defects |= bit(Defect::kWordBroken);
            flush();
            out += "=?";
            at += 2;
            after_word = false;
            continue;
        }
        if (!equal_ignoring_case(charset, word->charset))
            flush();
        charset = word->charset;
        pending += word->octets;
        at += word->length;
        after_word = true;
    }
    flush();
    return out;
}

}  // namespace mail::mime
