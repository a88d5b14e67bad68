// PlainStrings: whether one of many strings stands somewhere in a text. Made once, then only read: any thread.
//
// Of a string a few octets are its keys, as many keys side by side as a group's stride. However the string lies in a
// text, one of them begins at a multiple of the stride, so that no other place has to be looked at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "scanners/clamav/key_table.hpp"

namespace scanners::clamav {

class PlainStrings {
  public:
    static constexpr std::size_t kShortest = 4;

    // `strings` outlive this object; each has at least kShortest octets.
    explicit PlainStrings(const std::vector<std::string_view>& strings);

    // Exact.
    bool any_in(std::string_view text) const;

  private:
    // Strings that are known by as many octets out of them as an Integer has.
    template <typename Integer, std::size_t kStride>
    class Group {
      public:
        static constexpr std::size_t kShortest = sizeof(Integer) + kStride - 1;

        // Those of `strings` that have at least kShortest octets, and less than `end`.
        Group(const std::vector<std::string_view>& strings, std::size_t end);
        bool any_in(std::string_view text) const;

      private:
        struct Place {
            std::uint32_t string;  // index
            std::uint32_t at;      // where in it the key stands
        };
        std::vector<std::string_view> strings_;
        KeyTable keys_;
        std::vector<Place> places_;  // of each key
    };

    Group<std::uint64_t, 4> long_;
    Group<std::uint32_t, 4> short_;
    Group<std::uint32_t, 1> shortest_;
};

}  // namespace scanners::clamav
