#include "scanners/attachment/rtf_lexer.hpp"

#include <algorithm>

#include "scanners/attachment/names.hpp"

namespace scanners::attachment {
namespace {

using RtfKind = RtfToken::Kind;

constexpr std::size_t kMaxWord = 32;
constexpr std::int64_t kMaxNumber = 1LL << 31;

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

}  // namespace

int hex_digit(char c) {
    if (is_digit(c))
        return c - '0';
    const char lowered = static_cast<char>(c | 0x20);
    return lowered >= 'a' && lowered <= 'f' ? lowered - 'a' + 10 : -1;
}

RtfToken RtfLexer::next() {
    RtfToken token;
    if (at_ >= octets_.size())
        return token;
    const char c = octets_[at_];
    if (c == '\\') {
        ++at_;
        return control();
    }
    if (c == '{' || c == '}') {
        ++at_;
        token.kind = c == '{' ? RtfKind::kOpen : RtfKind::kClose;
        return token;
    }
    const auto end = std::min(octets_.find_first_of("\\{}", at_), octets_.size());
    token.kind = RtfKind::kText;
    token.text = octets_.substr(at_, end - at_);
    at_ = end;
    return token;
}

RtfToken RtfLexer::control() {
    RtfToken token;
    if (at_ >= octets_.size())
        return token;
    if (octets_[at_] == '\'') {
        ++at_;
        return octet();
    }
    if (!is_letter(octets_[at_])) {
        token.kind = RtfKind::kSymbol;
        token.symbol = octets_[at_++];
        return token;
    }
    const auto begin = at_;
    while (at_ < octets_.size() && is_letter(octets_[at_]))
        ++at_;
    token.kind = RtfKind::kWord;
    token.word = lower(octets_.substr(begin, std::min(at_ - begin, kMaxWord)));
    token.number = number();
    if (at_ < octets_.size() && octets_[at_] == ' ')
        ++at_;
    if (token.word != "bin")
        return token;
    token.kind = RtfKind::kBinary;
    token.text = octets_.substr(at_, static_cast<std::size_t>(std::max<std::int64_t>(token.number.value_or(0), 0)));
    at_ += token.text.size();
    return token;
}

RtfToken RtfLexer::octet() {
    RtfToken token;
    token.kind = RtfKind::kText;  // of nothing
    const auto digits = octets_.substr(at_, 2);
    at_ += digits.size();
    if (digits.size() < 2 || hex_digit(digits[0]) < 0 || hex_digit(digits[1]) < 0)
        return token;
    token.kind = RtfKind::kOctet;
    token.symbol = static_cast<char>(hex_digit(digits[0]) * 16 + hex_digit(digits[1]));
    return token;
}

std::optional<std::int64_t> RtfLexer::number() {
    const bool negative = at_ < octets_.size() && octets_[at_] == '-';
    std::size_t at = at_ + (negative ? 1 : 0);
    const auto begin = at;
    std::int64_t value = 0;
    for (; at < octets_.size() && is_digit(octets_[at]); ++at)
        value = std::min(value * 10 + (octets_[at] - '0'), kMaxNumber);
    at_ = at;
    if (at == begin)
        return std::nullopt;
    return negative ? -value : value;
}

}  // namespace scanners::attachment
