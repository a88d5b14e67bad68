#include "mail/mime/quoted_printable.hpp"

#include "mail/mime/defect.hpp"

namespace mail::mime {
namespace {

int hex(char octet) {
    if (octet >= '0' && octet <= '9')
        return octet - '0';
    const auto small = static_cast<char>(octet | 0x20);
    return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

bool is_space_or_tab(char octet) {
    return octet == ' ' || octet == '\t';
}

// Behind "=": the offset behind a soft line break, or 0.
std::size_t soft_break(std::string_view text, std::size_t at) {
    while (at < text.size() && is_space_or_tab(text[at]))
        ++at;
    if (at == text.size())
        return at;
    if (text[at] == '\n')
        return at + 1;
    return text[at] == '\r' && at + 1 < text.size() && text[at + 1] == '\n' ? at + 2 : 0;
}

// White space at the end of a line was added on the way (rule 3).
void drop_trailing_blanks(std::string& out, std::size_t line) {
    const bool cr = !out.empty() && out.back() == '\r';
    auto end = out.size() - (cr ? 1 : 0);
    const auto had = end;
    while (end > line && is_space_or_tab(out[end - 1]))
        --end;
    out.erase(end, had - end);
}

// "=" and a small hexadecimal digit: no escape for readers that know capitals only (RFC 2045 demands them).
std::string without_small(std::string_view text) {
    std::string kept;
    kept.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '=' && at + 1 < text.size() && text[at + 1] >= 'a' && text[at + 1] <= 'f')
            ++at;
        else
            kept += text[at];
    }
    return kept;
}

}  // namespace

std::string decode_quoted_printable(std::string_view text, QuotedReading reading, std::uint64_t& defects) {
    std::uint64_t unused = 0;
    if (reading == QuotedReading::kCapitals)
        return decode_quoted_printable(without_small(text), QuotedReading::kRepair, unused);
    std::string out;
    out.reserve(text.size());
    std::size_t written_plain = 0;  // blanks before this were encoded, or end another line
    for (std::size_t at = 0; at < text.size();) {
        const char octet = text[at++];
        if (octet == '\n') {
            drop_trailing_blanks(out, written_plain);
            out += octet;
            written_plain = out.size();
            continue;
        }
        if (octet != '=') {
            out += octet;
            continue;
        }
        const int high = at < text.size() ? hex(text[at]) : -1;
        const int low = high >= 0 && at + 1 < text.size() ? hex(text[at + 1]) : -1;
        if (low >= 0) {
            out += static_cast<char>(high << 4 | low);
            written_plain = out.size();
            at += 2;
            continue;
        }
        // Blanks are looked through once only: a "=" that no break follows is no white space.
        if (const auto next = soft_break(text, at); next != 0 || at == text.size()) {
            // Only our own reading and a few others know that blanks may have been added there.
            if (at < text.size() && is_space_or_tab(text[at]))
                defects |= bit(Defect::kUnusualBody);
            at = at == text.size() ? at : next;
            written_plain = out.size();
            continue;
        }
        defects |= bit(Defect::kQuotedPrintable);
        if (reading == QuotedReading::kKeep) {
            out += '=';
        } else if (reading == QuotedReading::kDrop) {
            for (int i = 0; i < 2 && at < text.size() && text[at] != '=' && text[at] != '\r' && text[at] != '\n'; ++i)
                ++at;
        }
    }
    return out;
}

std::string decode_q(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const int high = text[at] == '=' && at + 2 < text.size() ? hex(text[at + 1]) : -1;
        const int low = high >= 0 ? hex(text[at + 2]) : -1;
        if (low >= 0) {
            out += static_cast<char>(high << 4 | low);
            at += 2;
        } else {
            out += text[at] == '_' ? ' ' : text[at];
        }
    }
    return out;
}

}  // namespace mail::mime
