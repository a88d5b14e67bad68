// Numbers and texts of the wire format (wire.hpp): how they are written, and how they are read when nobody can be
// trusted.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "base/utf8.hpp"

namespace scanners::wire {

inline bool printable(char c) {
    return c >= 0x20 && c < 0x7f;
}

class Writer {
  public:
    Writer() = default;
    explicit Writer(char kind) : bytes_(1, kind) {}

    template <std::unsigned_integral Number>
    void number(Number value) {
        for (std::size_t i = 0; i < sizeof value; ++i)
            bytes_.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
    }

    // Printable ASCII: what is none becomes "?".
    template <std::unsigned_integral Length>
    void text(std::string_view value, std::size_t limit) {
        value = value.substr(0, limit);
        number(static_cast<Length>(value.size()));
        std::transform(value.begin(), value.end(), std::back_inserter(bytes_),
                       [](char c) { return printable(c) ? c : '?'; });
    }

    // UTF-8 without control characters.
    template <std::unsigned_integral Length>
    void utf8(std::string_view value, std::size_t limit) {
        const auto clean = base::clean_utf8(value, limit);
        number(static_cast<Length>(clean.size()));
        bytes_ += clean;
    }

    // As it is; not longer than Length can say.
    template <std::unsigned_integral Length>
    void octets(std::string_view value) {
        number(static_cast<Length>(value.size()));
        bytes_ += value;
    }

    void append(const Writer& other) { bytes_ += other.bytes_; }
    [[nodiscard]] std::size_t size() const { return bytes_.size(); }
    std::string take() { return std::move(bytes_); }

  private:
    std::string bytes_;
};

// Reads to the end or fails; after a failure every further read fails too.
class Reader {
  public:
    Reader(std::string_view bytes, char kind) : rest_(bytes) {
        good_ = !rest_.empty() && rest_[0] == kind;
        if (good_)
            rest_.remove_prefix(1);
    }

    template <std::unsigned_integral Number>
    Number number() {
        Number value = 0;
        good_ = good_ && rest_.size() >= sizeof value;
        if (!good_)
            return 0;
        for (std::size_t i = 0; i < sizeof value; ++i)
            value = static_cast<Number>(value |
                                        static_cast<Number>(Number{static_cast<unsigned char>(rest_[i])} << (8 * i)));
        rest_.remove_prefix(sizeof value);
        return value;
    }

    template <std::unsigned_integral Length>
    std::string text(std::size_t limit) {
        const auto value = take<Length>(limit);
        good_ = good_ && std::all_of(value.begin(), value.end(), printable);
        return std::string(value);
    }

    template <std::unsigned_integral Length>
    std::string utf8(std::size_t limit) {
        const auto value = take<Length>(limit);
        good_ = good_ && base::is_clean_utf8(value);
        return std::string(value);
    }

    // Any octets: who takes them judges them.
    template <std::unsigned_integral Length>
    std::string octets(std::size_t limit) {
        return std::string(take<Length>(limit));
    }

    // The same, as a part of what is read.
    template <std::unsigned_integral Length>
    std::string_view view(std::size_t limit) {
        return take<Length>(limit);
    }

    // There is one way to write each value.
    bool flag() {
        const auto value = number<std::uint8_t>();
        require(value <= 1);
        return value == 1;
    }

    void require(bool condition) { good_ = good_ && condition; }
    [[nodiscard]] bool good() const { return good_; }
    [[nodiscard]] bool complete() const { return good_ && rest_.empty(); }

  private:
    template <std::unsigned_integral Length>
    std::string_view take(std::size_t limit) {
        const std::size_t length = number<Length>();
        good_ = good_ && length <= limit && length <= rest_.size();
        if (!good_)
            return {};
        const auto value = rest_.substr(0, length);
        rest_.remove_prefix(length);
        return value;
    }

    std::string_view rest_;
    bool good_ = false;
};

}  // namespace scanners::wire
