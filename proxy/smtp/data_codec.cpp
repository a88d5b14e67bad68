#include "smtp/data_codec.hpp"

namespace smtp {

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
                    state_ = State::kText;  // the dot was stuffing and is gone
                }
                break;
            case State::kDotCr:
                if (octet == '\n') {
                    bytes.remove_prefix(1);
                    state_ = State::kLineStart;
                    return true;
                }
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

void DataEncoder::feed(std::string_view text, std::string& out) {
    if (text.empty())
        return;
    if (after_lf_ && text.front() == '.')
        out += '.';
    ends_line_ = text.ends_with("\r\n") || (text == "\n" && after_cr_);
    after_cr_ = text.back() == '\r';
    after_lf_ = text.back() == '\n';
    for (auto lf = text.find("\n."); lf != std::string_view::npos; lf = text.find("\n.")) {
        out.append(text, 0, lf + 1).append(1, '.');
        text.remove_prefix(lf + 1);
    }
    out += text;
}

void DataEncoder::finish(std::string& out) {
    out += ends_line_ ? ".\r\n" : "\r\n.\r\n";
    *this = {};
}

}  // namespace smtp
