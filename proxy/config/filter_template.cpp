#include "config/filter_template.hpp"

#include <algorithm>

namespace config {
namespace {

constexpr unsigned kMaxDepth = 16;

bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_attribute_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == ';' || c == ':';
}

// Walks over the grammar of RFC 4515 section 3, and remembers where the places are.
class Walk {
  public:
    explicit Walk(std::string_view text) : text_(text) {}

    base::Status whole() {
        if (auto status = filter(0); !status)
            return status;
        if (at_ != text_.size())
            return fault("something follows the filter");
        if (!has_place_)
            return base::error("%s, %u and %d are missing: every address would be found");
        return base::ok();
    }

  private:
    [[nodiscard]] char next() const { return at_ < text_.size() ? text_[at_] : '\0'; }

    [[nodiscard]] base::Status fault(std::string_view what) const {
        return base::error("{} (character {})", what, at_ + 1);
    }

    base::Status filter(unsigned depth) {
        if (depth == kMaxDepth)
            return fault("parentheses are nested too deep");
        if (next() != '(')
            return fault("a \"(\" is missing");
        ++at_;
        const char sign = next();
        if (sign == '&' || sign == '|' || sign == '!') {
            ++at_;
            unsigned members = 0;
            while (next() == '(') {
                if (auto status = filter(depth + 1); !status)
                    return status;
                ++members;
            }
            if (members == 0 || (sign == '!' && members != 1))
                return fault(sign == '!' ? "\"!\" takes one filter in parentheses"
                                         : "a filter in parentheses is missing");
        } else if (auto status = item(); !status) {
            return status;
        }
        if (next() != ')')
            return fault("a \")\" is missing");
        ++at_;
        return base::ok();
    }

    base::Status item() {
        const auto begin = at_;
        while (is_attribute_character(next()))
            ++at_;
        if (at_ == begin)
            return fault("the name of an attribute is missing");
        if (const char sign = next(); sign == '~' || sign == '<' || sign == '>')
            ++at_;
        if (next() != '=')
            return fault("a \"=\" is missing");
        ++at_;
        return value();
    }

    base::Status value() {
        for (; at_ < text_.size() && next() != ')'; ++at_) {
            if (next() == '(')
                return fault("a \"(\" in a value has to be written \\28");
            if (next() == '\\' && !(at_ + 2 < text_.size() && is_hex(text_[at_ + 1]) && is_hex(text_[at_ + 2])))
                return fault("a \"\\\" has to be followed by two hex digits");
            if (next() != '%')
                continue;
            ++at_;
            if (next() == 's' || next() == 'u' || next() == 'd')
                has_place_ = true;
            else if (next() != '%')
                return fault("a \"%\" has to be followed by s, u, d or %");
        }
        return base::ok();
    }

    std::string_view text_;
    std::size_t at_ = 0;
    bool has_place_ = false;
};

}  // namespace

base::Result<FilterTemplate> FilterTemplate::parse(std::string_view text) {
    if (const auto status = Walk(text).whole(); !status)
        return status.error();
    FilterTemplate parsed;
    Piece piece;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            piece.text += text[i];
        } else if (text[++i] == '%') {
            piece.text += '%';
        } else {
            piece.place = text[i];
            parsed.pieces_.push_back(std::exchange(piece, {}));
        }
    }
    parsed.pieces_.push_back(std::move(piece));
    return parsed;
}

std::string FilterTemplate::fill(std::string_view address) const {
    const auto at = address.rfind('@');
    std::string filled;
    for (const auto& piece : pieces_) {
        filled += piece.text;
        if (piece.place == 's')
            filled += escape_filter_value(address);
        else if (piece.place == 'u')
            filled += escape_filter_value(address.substr(0, at));
        else if (piece.place == 'd' && at != std::string_view::npos)
            filled += escape_filter_value(address.substr(at + 1));
    }
    return filled;
}

std::string escape_filter_value(std::string_view value) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string escaped;
    for (const char c : value) {
        const auto octet = static_cast<unsigned char>(c);
        // Octets that are no ASCII are escaped, too: what is no UTF-8 may stand in a filter in no other way.
        if (octet >= ' ' && octet < 0x7f && std::string_view("*()\\").find(c) == std::string_view::npos) {
            escaped += c;
        } else {
            escaped += '\\';
            escaped += kHex[octet >> 4U];
            escaped += kHex[octet & 0xfU];
        }
    }
    return escaped;
}

}  // namespace config
