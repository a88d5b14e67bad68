// Netstrings, as Sendmail's SOCKETMAP speaks them: the length in decimal, ":", the octets, ",". Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

namespace directory {

class NetstringReader {
  public:
    struct NeedMore {};
    struct Garbage {
        std::string why;
    };
    using Outcome = std::variant<NeedMore, std::string, Garbage>;

    explicit NetstringReader(std::size_t most) : most_(most) {}
    // Takes one netstring from the front of `bytes` (it is shortened). After Garbage the rest means nothing.
    Outcome next(std::string_view& bytes) const;

  private:
    std::size_t most_;  // octets in one
};

std::string netstring(std::string_view octets);

}  // namespace directory
