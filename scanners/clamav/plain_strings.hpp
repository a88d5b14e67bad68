// PlainStrings: whether one of many strings stands somewhere in a text. Made once, then only read: any thread.
//
// Of a string a few octets are its keys, as many keys side by side as a group's stride. However the string lies in a
// text, one of them begins at a multiple of the stride, so that no other place has to be looked at. (Of the shortest
// there is one, and each place is looked at.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "scanners/clamav/key_table.hpp"

namespace scanners::clamav {

class PlainStrings {
  public:
    static constexpr std::size_t kShortest = 4;

    // `strings` outlive this object; each has at least kShortest octets.
    explicit PlainStrings(const std::vector<std::string_view>& strings);

    // Exact. `eight`: as far as the processor can, which is faster; the answer is the same.
    bool any_in(std::string_view text, bool eight = base::has_avx2()) const;

  private:
    static constexpr std::size_t kStride = 4;

    // Strings that are known by as many octets out of them as an Integer has, and by so many keys side by side.
    template <typename Integer, std::size_t kSideBySide>
    class Group {
      public:
        static constexpr std::size_t kShortest = sizeof(Integer) + kSideBySide - 1;

        // Those of `strings` that have at least kShortest octets, and less than `end`.
        Group(const std::vector<std::string_view>& strings, std::size_t end);

        bool empty() const { return strings_.empty(); }

        // Whether a string stands in the text of which a key is there.
        bool is_around(std::string_view text, std::size_t at) const;
#ifdef SANDWICH_AVX2
        // The same for eight places, a stride apart; nine strides from `at` on are there.
        SANDWICH_AVX2 bool is_around_eight(std::string_view text, std::size_t at) const;
#endif

      private:
        struct Place {
            Integer key;
            std::uint32_t string;  // index
            std::uint32_t at;      // where in it the key stands
        };

        static Integer key_at(std::string_view text, std::size_t at) {
            Integer value = 0;
            std::memcpy(&value, text.data() + at, sizeof value);
            return value;
        }

        std::vector<std::string_view> strings_;
        KeyTable keys_;
        std::vector<Place> places_;  // in the order of the table
    };

    bool is_in_eights(std::string_view text, std::size_t& at) const;

    Group<std::uint64_t, kStride> long_;
    Group<std::uint32_t, kStride> short_;
    Group<std::uint32_t, 1> shortest_;
};

}  // namespace scanners::clamav
