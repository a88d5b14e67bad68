#include "scanners/network/icap_reply.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "config/spelling.hpp"

namespace scanners::network {
namespace {

std::string_view trim(std::string_view text) {
    constexpr std::string_view kBlanks = " \t";
    const auto begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos)
        return {};
    return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

template <typename T>
std::optional<T> number(std::string_view text, int base) {
    T value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (text.empty() || failure != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

}  // namespace

const std::string* IcapHead::find(std::string_view name) const {
    const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& one) { return one.name == name; });
    return found == fields.end() ? nullptr : &found->value;
}

IcapReplyParser::Step IcapReplyParser::garbage(std::string why) {
    state_ = State::kGarbage;
    why_ = std::move(why);
    return Step::kGarbage;
}

// False: more is needed. line_ is bounded by limit + 1.
bool IcapReplyParser::take_line(std::string_view& input, std::size_t limit) {
    if (std::exchange(line_whole_, false))
        line_.clear();
    const auto end = input.find('\n');
    const auto used = std::min(end == std::string_view::npos ? input.size() : end + 1, limit + 2 - line_.size());
    line_.append(input.substr(0, used));
    input.remove_prefix(used);
    if (!line_.ends_with('\n'))
        return line_.size() > limit;
    line_.pop_back();
    if (line_.ends_with('\r'))
        line_.pop_back();
    line_whole_ = true;
    return true;
}

IcapReplyParser::Step IcapReplyParser::next(std::string_view& input) {
    while (state_ != State::kGarbage && state_ != State::kOver) {
        if (state_ == State::kHttp) {
            const auto used = std::min(input.size(), http_size_ - http_.size());
            http_.append(input.substr(0, used));
            input.remove_prefix(used);
            if (http_.size() < http_size_)
                return Step::kMore;
            state_ = has_body_ ? State::kChunkLine : State::kOver;
            return Step::kHttp;
        }
        if (state_ == State::kChunk) {
            if (input.empty())
                return Step::kMore;
            piece_ = input.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(input.size(), chunk_left_)));
            input.remove_prefix(piece_.size());
            chunk_left_ -= piece_.size();
            if (chunk_left_ == 0)
                state_ = State::kChunkEnd;
            return Step::kBody;
        }
        const bool of_body = state_ == State::kChunkLine || state_ == State::kChunkEnd;
        const auto limit = of_body ? kMaxChunkLine : kMaxLine;
        if (!take_line(input, limit))
            return Step::kMore;
        if (!line_whole_)
            return garbage("a line is too long");
        head_size_ += of_body ? 0 : line_.size();
        if (head_size_ > kMaxHead)
            return garbage("the header is too long");
        auto step = Step::kMore;
        switch (state_) {
            case State::kStatus:
                step = on_status();
                break;
            case State::kFields:
                step = line_.empty() ? on_head_end() : on_field();
                break;
            case State::kChunkLine:
                step = on_chunk_line();
                break;
            case State::kChunkEnd:
                if (!line_.empty())
                    return garbage("a chunk is longer than it was said to be");
                state_ = State::kChunkLine;
                break;
            default:  // the trailer: nothing in it is of use
                if (++field_lines_ > 2 * kMaxFields)
                    return garbage("too many fields");
                if (line_.empty())
                    state_ = State::kOver;
                break;
        }
        if (step != Step::kMore)
            return step;
    }
    return state_ == State::kOver ? Step::kEnd : Step::kGarbage;
}

// "ICAP/1.0 204 No Content"
IcapReplyParser::Step IcapReplyParser::on_status() {
    constexpr std::string_view kVersion = "ICAP/1.";
    const std::string_view line = line_;
    if (!line.starts_with(kVersion) || line.size() < 12 || line[8] != ' ')
        return garbage("a status line that is none: " + std::string(line.substr(0, 80)));
    const auto code = number<unsigned>(line.substr(9, 3), 10);
    if (!code || *code < 100 || *code > 599 || (line.size() > 12 && line[12] != ' '))
        return garbage("a status line that is none: " + std::string(line.substr(0, 80)));
    head_.code = *code;
    head_.reason = trim(line.substr(12));
    state_ = State::kFields;
    return Step::kMore;
}

IcapReplyParser::Step IcapReplyParser::on_field() {
    if (++field_lines_ > kMaxFields)
        return garbage("too many fields");
    if (line_.front() == ' ' || line_.front() == '\t') {
        if (head_.fields.empty())
            return garbage("a continuation of nothing");
        head_.fields.back().value.append("\n").append(trim(line_));
        return Step::kMore;
    }
    const auto colon = line_.find(':');
    if (colon == std::string::npos || colon == 0)
        return garbage("a field that is none");
    const std::string_view line = line_;
    head_.fields.push_back({config::lower(trim(line.substr(0, colon))), std::string(trim(line.substr(colon + 1)))});
    return Step::kMore;
}

IcapReplyParser::Step IcapReplyParser::on_head_end() {
    const auto* const encapsulated = head_.find("encapsulated");
    // What may hold something are the replies that carry a message; the others are over.
    if (encapsulated == nullptr || head_.code == 100 || head_.code == 204) {
        state_ = State::kOver;
        return Step::kHead;
    }
    if (!read_encapsulated(*encapsulated))
        return garbage("an Encapsulated field that is none");
    state_ = State::kHttp;
    return Step::kHead;
}

// "req-hdr=0, res-hdr=120, res-body=300": the last one says where the headers end, and whether a body follows.
bool IcapReplyParser::read_encapsulated(const std::string& value) {
    std::string_view rest = value;
    std::size_t last = 0;
    bool ended = false;
    while (!rest.empty()) {
        const auto comma = std::min(rest.find(','), rest.size());
        const auto item = trim(rest.substr(0, comma));
        rest.remove_prefix(std::min(comma + 1, rest.size()));
        const auto equals = item.find('=');
        if (equals == std::string_view::npos || ended)
            return false;
        const auto name = config::lower(item.substr(0, equals));
        const auto offset = number<std::size_t>(item.substr(equals + 1), 10);
        if (!offset || *offset < last || *offset > kMaxHttp)
            return false;
        last = *offset;
        ended = name.ends_with("-body");
        has_body_ = ended && name != "null-body";
        if (!ended && name != "req-hdr" && name != "res-hdr")
            return false;
    }
    http_size_ = last;
    return ended;
}

IcapReplyParser::Step IcapReplyParser::on_chunk_line() {
    const auto size = number<std::uint64_t>(trim(std::string_view(line_).substr(0, line_.find(';'))), 16);
    if (!size || *size > kMaxChunk)
        return garbage("a chunk without a size");
    chunk_left_ = *size;
    state_ = *size == 0 ? State::kTrailer : State::kChunk;
    return Step::kMore;
}

}  // namespace scanners::network
