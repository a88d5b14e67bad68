#include "scanners/attachment/pdf_lexer.hpp"

#include <algorithm>

namespace scanners::attachment {
namespace {

constexpr std::size_t kMaxText = 255;
constexpr std::size_t kMaxNameLength = 127;
// After one that ends nowhere: or each of many would be looked for to the end of the file.
constexpr std::size_t kMaxOddString = 512;

constexpr std::string_view kBlanks("\0\t\n\f\r ", 6);
constexpr std::string_view kEndsWord("\0\t\n\f\r ()<>[]{}/%", 16);

int hex(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    const char lowered = static_cast<char>(c | 0x20);
    return lowered >= 'a' && lowered <= 'f' ? lowered - 'a' + 10 : -1;
}

// Where the string that begins behind `at` ends; npos: nowhere.
std::size_t string_end(std::string_view octets, std::size_t at) {
    std::size_t open = 1;
    for (; at < octets.size(); ++at) {
        if (octets[at] == '\\')
            ++at;
        else if (octets[at] == '(')
            ++open;
        else if (octets[at] == ')' && --open == 0)
            return at;
    }
    return std::string_view::npos;
}

char escaped(char letter) {
    constexpr std::string_view kLetters = "nrtbf";
    const auto which = kLetters.find(letter);
    return which == std::string_view::npos ? letter : "\n\r\t\b\f"[which];
}

// Digits before and after a point; what a reader makes of more signs or points is its own affair.
double value_of(std::string_view raw) {
    double value = 0;
    double place = 0;  // of the digit behind the point
    for (const char c : raw) {
        if (c == '.' && place == 0)
            place = 1;
        else if (c >= '0' && c <= '9' && place == 0)
            value = std::min(value * 10 + (c - '0'), 1e12);
        else if (c >= '0' && c <= '9')
            value += (c - '0') * (place /= 10);
    }
    return raw.starts_with('-') ? -value : value;
}

std::string unescaped(std::string_view raw, std::size_t most) {
    std::string text;
    for (std::size_t at = 0; at < raw.size() && text.size() < most; ++at) {
        if (raw[at] != '\\' || at + 1 == raw.size()) {
            text.push_back(raw[at]);
            continue;
        }
        ++at;
        if (raw[at] == '\r' || raw[at] == '\n') {  // the line goes on
            at += raw.substr(at).starts_with("\r\n") ? 1 : 0;
            continue;
        }
        unsigned value = 0;
        std::size_t digits = 0;
        for (; digits < 3 && at + digits < raw.size() && raw[at + digits] >= '0' && raw[at + digits] <= '7'; ++digits)
            value = value * 8 + static_cast<unsigned>(raw[at + digits] - '0');
        text.push_back(digits > 0 ? static_cast<char>(value & 0xFF) : escaped(raw[at]));
        at += digits > 0 ? digits - 1 : 0;
    }
    return text;
}

}  // namespace

std::size_t PdfLexer::max_text() const {
    return of_ == Of::kContent ? kMaxLongText : kMaxText;
}

void PdfLexer::skip_blanks() {
    while (at_ < octets_.size()) {
        if (kBlanks.find(octets_[at_]) != std::string_view::npos) {
            ++at_;
        } else if (octets_[at_] == '%') {
            const bool hides = comment_hides() && of_ == Of::kFile;
            odd_ = odd_ || hides;
            at_ = hides ? at_ + 1 : line_end_;
        } else {
            return;
        }
    }
}

// Each line is searched once, however many signs there are in it.
bool PdfLexer::comment_hides() {
    if (at_ < line_begin_ || at_ >= line_end_) {
        line_begin_ = at_;
        line_end_ = std::min(octets_.find_first_of("\r\n", at_), octets_.size());
        const auto line = octets_.substr(at_, line_end_ - at_);
        hidden_end_ = at_;
        for (const std::string_view what : {"obj", "<<"})
            if (const auto found = line.rfind(what); found != std::string_view::npos)
                hidden_end_ = std::max(hidden_end_, at_ + found + what.size());
    }
    return hidden_end_ > at_;
}

PdfToken PdfLexer::next() {
    skip_blanks();
    if (at_ >= octets_.size())
        return {};
    const char c = octets_[at_];
    const bool twice = at_ + 1 < octets_.size() && octets_[at_ + 1] == c;
    switch (c) {
        case '/':
            return name();
        case '(':
            return string();
        case '<':
            if (!twice)
                return hex_string();
            at_ += 2;
            return {PdfToken::Kind::kDictBegin, {}, 0};
        case '>':
            at_ += twice ? 2 : 1;
            return {twice ? PdfToken::Kind::kDictEnd : PdfToken::Kind::kKeyword, {}, 0};
        case '[':
        case ']':
            ++at_;
            return {c == '[' ? PdfToken::Kind::kArrayBegin : PdfToken::Kind::kArrayEnd, {}, 0};
        case ')':
        case '{':
        case '}':
            ++at_;
            return {PdfToken::Kind::kKeyword, {}, 0};
        default:
            return word();
    }
}

PdfToken PdfLexer::name() {
    const auto end = std::min(octets_.find_first_of(kEndsWord, at_ + 1), octets_.size());
    const auto raw = octets_.substr(at_ + 1, end - at_ - 1);
    at_ = end;
    PdfToken token{PdfToken::Kind::kName, {}, 0};
    for (std::size_t i = 0; i < raw.size() && token.text.size() < kMaxNameLength; ++i) {
        if (raw[i] == '#' && i + 2 < raw.size() && hex(raw[i + 1]) >= 0 && hex(raw[i + 2]) >= 0) {
            token.text.push_back(static_cast<char>(hex(raw[i + 1]) * 16 + hex(raw[i + 2])));
            i += 2;
        } else {
            token.text.push_back(raw[i]);
        }
    }
    return token;
}

PdfToken PdfLexer::word() {
    const auto end = std::min(octets_.find_first_of(kEndsWord, at_), octets_.size());
    const auto raw = octets_.substr(at_, end - at_);
    at_ = end;
    PdfToken token{PdfToken::Kind::kKeyword, std::string(raw.substr(0, 32)), 0};
    if (raw.find_first_not_of("0123456789.+-") == std::string_view::npos) {
        token.kind = PdfToken::Kind::kNumber;
        for (std::size_t i = raw.find_first_not_of("+-"); i < raw.size() && raw[i] >= '0' && raw[i] <= '9'; ++i)
            token.number =
                std::min<std::uint64_t>(token.number * 10 + static_cast<std::uint64_t>(raw[i] - '0'), 1ULL << 40);
        token.value = of_ == Of::kContent ? value_of(raw) : 0;
    }
    return token;
}

PdfToken PdfLexer::string() {
    const auto begin = ++at_;
    auto end = string_end(odd_ ? octets_.substr(0, begin + kMaxOddString) : octets_, begin);
    PdfToken token{PdfToken::Kind::kString, {}, 0};
    if (of_ == Of::kContent)
        end = std::min(end, octets_.size());
    if (end == std::string_view::npos) {
        odd_ = true;
        return token;
    }
    const auto raw = octets_.substr(begin, end - begin);
    token.text = unescaped(raw.substr(0, 4 * max_text()), max_text());
    if (of_ == Of::kContent)
        at_ = end + 1;
    else if (raw.find("endobj") == std::string_view::npos && raw.find(" obj") == std::string_view::npos)
        at_ = end + 1;
    else
        odd_ = true;
    return token;
}

PdfToken PdfLexer::hex_string() {
    const auto begin = ++at_;
    const auto end = octets_.find_first_not_of("0123456789abcdefABCDEF\t\n\f\r ", begin);
    PdfToken token{PdfToken::Kind::kString, {}, 0};
    if (end == std::string_view::npos || octets_[end] != '>')
        return token;  // none: go on behind the '<'
    at_ = end + 1;
    int half = -1;
    for (std::size_t at = begin; at < end && token.text.size() < max_text(); ++at) {
        const int value = hex(octets_[at]);
        if (value >= 0 && half >= 0)
            token.text.push_back(static_cast<char>(half * 16 + value));
        half = value < 0 ? half : half >= 0 ? -1 : value;
    }
    if (half >= 0)
        token.text.push_back(static_cast<char>(half * 16));
    return token;
}

}  // namespace scanners::attachment
