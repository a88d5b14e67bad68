#include "smtp/reply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "smtp/text.hpp"

namespace smtp {
namespace {

bool is_digit(char octet) {
    return octet >= '0' && octet <= '9';
}

// Replies are foreign text: what could end a line early or colour a terminal becomes '?'. HT is text (RFC 5321).
std::string printable(std::string_view text) {
    std::string result(text);
    std::replace_if(
        result.begin(), result.end(), [](char octet) { return is_control(octet) && octet != '\t'; }, '?');
    return result;
}

// The length of "d.d.d" (last two: one to three digits) at the front of `text`, whole word only; 0: there is none.
std::size_t enhanced_length(std::string_view text) {
    const auto word = first_word(text);
    std::size_t at = 0;
    for (int part = 0; part < 3; ++part) {
        if (part > 0 && (at >= word.size() || word[at++] != '.'))
            return 0;
        const auto begin = at;
        while (at < word.size() && is_digit(word[at]))
            ++at;
        const auto digits = at - begin;
        if (digits == 0 || digits > (part == 0 ? 1U : 3U))
            return 0;
    }
    return at == word.size() ? at : 0;
}

std::string_view enhanced_code_of(int code, std::string_view line) {
    const auto length = enhanced_length(line);
    if (length == 0 || line[0] - '0' != code / 100 || code / 100 == 3)  // RFC 3463 knows the classes 2, 4, 5
        return {};
    return line.substr(0, length);
}

}  // namespace

Reply make_reply(int code, std::string_view enhanced, std::string_view text) {
    assert(code >= 200 && code < 600);
    std::string line(enhanced);
    if (!line.empty() && !text.empty())
        line += ' ';
    line += text;
    return {code, {std::move(line)}};
}

std::string to_wire(const Reply& reply) {
    if (reply.lines.empty())  // a client that waits for a reply must get one
        return fmt::format("{:03} \r\n", reply.code);
    // Half a dozen for each mail: without the detour of a format.
    const auto code = fmt::format_int(reply.code);
    std::string wire;
    for (const auto& line : reply.lines) {
        wire.append(code.size() < 3 ? 3 - code.size() : 0, '0').append(code.data(), code.size());
        wire += &line == &reply.lines.back() ? ' ' : '-';
        wire += printable(std::string_view(line).substr(0, kMaxReplyText));
        wire += "\r\n";
    }
    return wire;
}

std::string_view enhanced_code(const Reply& reply) {
    return reply.lines.empty() ? std::string_view{} : enhanced_code_of(reply.code, reply.lines.front());
}

std::string text_of(const Reply& reply) {
    std::string text;
    for (const auto& line : reply.lines) {
        const auto rest = trim_blanks(std::string_view(line).substr(enhanced_code_of(reply.code, line).size()));
        if (rest.empty())
            continue;
        if (!text.empty())
            text += ' ';
        text += printable(rest);
    }
    return text;
}

ReplyParser::Outcome ReplyParser::feed(std::string_view& bytes) {
    while (!bytes.empty()) {
        const auto lf = bytes.find('\n');
        const auto piece = bytes.substr(0, lf == std::string_view::npos ? lf : lf + 1);
        if (line_.size() + piece.size() > kMaxLine)
            return Garbage{fmt::format("a line of more than {} octets", kMaxLine)};
        total_ += piece.size();
        if (total_ > kMaxReply)
            return Garbage{fmt::format("a reply of more than {} octets", kMaxReply)};
        line_ += piece;
        bytes.remove_prefix(piece.size());
        if (lf == std::string_view::npos)
            break;
        auto outcome = take_line(line_);
        line_.clear();
        if (!std::holds_alternative<NeedMore>(outcome))
            return outcome;
    }
    return NeedMore{};
}

ReplyParser::Outcome ReplyParser::take_line(std::string_view line) {
    line.remove_suffix(1);  // the LF
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    const auto garbage = [line](std::string_view why) {
        return Garbage{fmt::format("{}: {}", why, line.substr(0, 80))};
    };
    if (line.size() < 3 || !std::all_of(line.begin(), line.begin() + 3, is_digit))
        return garbage("no reply code");
    const int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    if (code < 200 || code > 599)
        return garbage("no code of an SMTP reply");
    if (line.size() > 3 && line[3] != ' ' && line[3] != '-')
        return garbage("neither blank nor hyphen after the reply code");
    if (!partial_.lines.empty() && partial_.code != code)
        return garbage(fmt::format("another code in a reply that began with {}", partial_.code));
    if (partial_.lines.size() == kMaxLines)
        return Garbage{fmt::format("a reply of more than {} lines", kMaxLines)};

    const bool last = line.size() == 3 || line[3] == ' ';
    partial_.code = code;
    partial_.lines.emplace_back(line.substr(std::min<std::size_t>(line.size(), 4)));
    if (!last)
        return NeedMore{};
    total_ = 0;
    return std::exchange(partial_, {});
}

}  // namespace smtp
