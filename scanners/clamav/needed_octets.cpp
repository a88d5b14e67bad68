// What is left out costs a shorter piece; what would be understood wrongly would cost a virus. So all that is rare ends
// the reading.
#include "scanners/clamav/needed_octets.hpp"

#include <cstddef>
#include <optional>
#include <utility>

namespace scanners::clamav {
namespace {

constexpr std::string_view kLettersAndDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

bool is_one_of(char octet, std::string_view set) {
    return set.find(octet) != std::string_view::npos;
}

std::optional<unsigned> hex_digit(char octet) {
    constexpr std::string_view kDigits = "0123456789abcdefABCDEF";
    const auto at = kDigits.find(octet);
    if (at == std::string_view::npos)
        return std::nullopt;
    return static_cast<unsigned>(at < 16 ? at : at - 6);
}

class Reader {
  public:
    explicit Reader(std::string_view expression) : left_(expression) {}

    std::string read() {
        while (!left_.empty() && understood_) {
            one();
            repetition();
        }
        end_piece();
        return understood_ ? std::move(longest_) : std::string();
    }

  private:
    // What the last one was.
    enum class Last { kOctet, kOther };

    void one() {
        const char octet = left_.front();
        left_.remove_prefix(1);
        last_ = Last::kOther;
        if (octet == '\\')
            escaped();
        else if (octet == '[')
            skip_class();
        else if (octet == '(')
            skip_group();
        else if (is_one_of(octet, ".^$"))
            end_piece();
        else if (is_one_of(octet, "|){*+?"))
            understood_ = false;
        else
            take(octet);
    }

    void take(char octet) {
        piece_ += octet;
        last_ = Last::kOctet;
    }

    void end_piece() {
        if (piece_.size() > longest_.size())
            longest_ = piece_;
        piece_.clear();
    }

    char next() {
        if (left_.empty()) {
            understood_ = false;
            return '\0';
        }
        const char octet = left_.front();
        left_.remove_prefix(1);
        return octet;
    }

    void escaped() {
        const char octet = next();
        if (octet == 'x')
            hexadecimal();
        else if (is_one_of(octet, "nrt"))
            take(octet == 'n' ? '\n' : octet == 'r' ? '\r' : '\t');
        else if (is_one_of(octet, "dDwWsSbB"))
            end_piece();
        else if (is_one_of(octet, kLettersAndDigits))
            understood_ = false;
        else
            take(octet);
    }

    void hexadecimal() {
        const auto high = hex_digit(next());
        const auto low = hex_digit(next());
        if (high && low)
            take(static_cast<char>(*high * 16 + *low));
        else
            understood_ = false;
    }

    // "[^]...]"
    void skip_class() {
        end_piece();
        if (left_.starts_with('^'))
            left_.remove_prefix(1);
        if (left_.starts_with(']'))
            left_.remove_prefix(1);
        while (understood_) {
            const char octet = next();
            if (octet == ']')
                return;
            if (octet == '[' || (octet == '\\' && is_one_of(next(), "QEc")))
                understood_ = false;
        }
    }

    // With all that is in it. What begins with "(?" or "(*" may change what comes behind.
    void skip_group() {
        end_piece();
        if (left_.starts_with('*') || (left_.starts_with('?') && !left_.starts_with("?:")))
            understood_ = false;
        while (understood_) {
            const char octet = next();
            if (octet == ')')
                return;
            if (octet == '(')
                skip_group();
            else if (octet == '[')
                skip_class();
            else if (octet == '\\' && is_one_of(next(), "QEc"))
                understood_ = false;
        }
    }

    // What is repeated, or may be left out, is no part of a piece.
    void repetition() {
        if (left_.empty() || !is_one_of(left_.front(), "?*+{"))
            return;
        if (last_ == Last::kOctet)
            piece_.pop_back();
        end_piece();
        if (next() == '{') {
            const auto digits = left_.find_first_not_of("0123456789,");
            understood_ = understood_ && digits != 0 && digits != std::string_view::npos && left_[digits] == '}' &&
                          left_.front() != ',';
            left_.remove_prefix(understood_ ? digits + 1 : 0);
        }
        if (left_.starts_with('?') || left_.starts_with('+'))  // which match is taken
            left_.remove_prefix(1);
    }

    std::string_view left_;
    std::string piece_;
    std::string longest_;
    Last last_ = Last::kOther;
    bool understood_ = true;
};

}  // namespace

std::string needed_octets(std::string_view expression) {
    return Reader(expression).read();
}

}  // namespace scanners::clamav
