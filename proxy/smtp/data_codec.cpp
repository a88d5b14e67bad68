#include "smtp/data_codec.hpp"

namespace smtp {
namespace {

constexpr std::size_t kBlock = 128;  // octets

// kBlock octets, and one before them: each CR among the one before and all but the last has its LF, each LF its CR, and
// no line begins with a dot. Without branches: compilers make it a few instructions for each sixteen octets.
bool is_plain(const char* block) {
    unsigned char wrong = 0;
    for (std::size_t i = 0; i < kBlock; ++i) {
        const char before = block[static_cast<std::ptrdiff_t>(i) - 1];
        const char octet = block[i];
        const auto differ = static_cast<unsigned char>((before == '\r') != (octet == '\n'));
        const auto dot = static_cast<unsigned char>((before == '\n') & (octet == '.'));
        wrong = static_cast<unsigned char>(wrong | differ | dot);
    }
    return wrong == 0;
}

bool has_line_dot(const char* block) {
    unsigned char found = 0;
    for (std::size_t i = 0; i < kBlock; ++i)
        found = static_cast<unsigned char>(found |
                                           ((block[static_cast<std::ptrdiff_t>(i) - 1] == '\n') & (block[i] == '.')));
    return found != 0;
}

// Where, behind the first octet, the next line begins that begins with a dot; none: the size.
std::size_t find_line_dot(std::string_view text) {
    std::size_t at = 1;
    while (text.size() >= at + kBlock && !has_line_dot(text.data() + at))
        at += kBlock;
    const auto found = text.find("\n.", at - 1);
    return found == std::string_view::npos ? text.size() : found + 1;
}

}  // namespace

bool DataDecoder::feed(std::string_view& bytes, std::string& out) {
    while (!bytes.empty()) {
        const char octet = bytes.front();
        switch (state_) {
            case State::kLineStart:
                if (octet == '.') {
                    bytes.remove_prefix(1);
                    state_ = State::kDot;
                    break;
                }
                [[fallthrough]];
            case State::kText:
                take_line(bytes, out);
                break;
            case State::kCr:
                if (octet == '\n') {
                    bytes.remove_prefix(1);
                    out += "\r\n";
                    state_ = State::kLineStart;
                } else {
                    out += ' ';
                    ++mended_;
                    state_ = State::kText;  // this octet is looked at again, as text
                }
                break;
            case State::kDot:
                if (octet == '\r') {
                    bytes.remove_prefix(1);
                    state_ = State::kDotCr;
                } else {
                    dotted_ = true;
                    state_ = State::kText;  // the dot was stuffing and is gone
                }
                break;
            case State::kDotCr:
                if (octet == '\n') {
                    bytes.remove_prefix(1);
                    state_ = State::kLineStart;
                    return true;
                }
                dotted_ = true;
                state_ = State::kCr;  // no end: the dot was stuffing, the CR is judged by this octet
                break;
        }
    }
    return false;
}

// Takes text up to the next LF, or all there is. A CR at its end is left to kCr, which sees what follows, in this chunk
// or the next. After a bare LF no line starts: the sender saw none there, so it stuffed no dot, and ended no data.
void DataDecoder::take_line(std::string_view& bytes, std::string& out) {
    auto line = bytes.substr(0, bytes.find('\n'));
    bytes.remove_prefix(line.size());
    state_ = State::kText;
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
        state_ = State::kCr;
    }
    for (auto cr = line.find('\r'); cr != std::string_view::npos; cr = line.find('\r')) {
        out.append(line, 0, cr).append(1, ' ');
        ++mended_;
        line.remove_prefix(cr + 1);
    }
    out += line;
    if (state_ == State::kText && !bytes.empty()) {
        bytes.remove_prefix(1);
        out += "\r\n";
        ++mended_;
    }
}

std::string_view DataDecoder::take_plain(std::string_view& bytes) {
    if (state_ != State::kLineStart && state_ != State::kText)
        return {};
    if (bytes.size() < kBlock || (state_ == State::kLineStart && bytes.front() == '.') || bytes.front() == '\n')
        return {};
    // The first octet has been looked at, and no octet but a CR depends on the next one.
    std::size_t size = 1;
    while (bytes.size() - size >= kBlock && is_plain(bytes.data() + size))
        size += kBlock;
    if (size < kBlock)
        return {};  // else a text would go by octets up to where it is not plain
    if (bytes[size - 1] == '\r')
        --size;
    const auto text = bytes.substr(0, size);
    bytes.remove_prefix(size);
    state_ = text.back() == '\n' ? State::kLineStart : State::kText;
    return text;
}

std::size_t DataEncoder::feed(std::string_view text, Runs& out, std::size_t most, bool undotted) {
    const auto given = text.size();
    while (!text.empty() && out.size() < most) {
        if (after_lf_ && text.front() == '.')
            out.push_back(text.substr(0, 1));
        const auto run = undotted ? text : text.substr(0, find_line_dot(text));
        out.push_back(run);
        text.remove_prefix(run.size());
        ends_line_ = run.ends_with("\r\n") || (run == "\n" && after_cr_);
        after_cr_ = run.back() == '\r';
        after_lf_ = run.back() == '\n';
    }
    return given - text.size();
}

void DataEncoder::finish(Runs& out) {
    out.emplace_back(ends_line_ ? ".\r\n" : "\r\n.\r\n");
    *this = {};
}

}  // namespace smtp
