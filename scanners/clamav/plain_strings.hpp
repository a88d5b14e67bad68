// PlainStrings: whether one of many strings stands somewhere in a text. Made once, then only read: any thread.
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
    struct Entry {
        std::uint64_t key;
        std::size_t at;  // where in `string` it stands
        std::string_view string;
    };
    // Strings that are known by as many octets out of them as an Integer has.
    template <typename Integer>
    struct Group {
        explicit Group(std::vector<Entry> of);
        bool any_in(std::string_view text) const;

        std::vector<Entry> entries;  // by key
        KeyTable keys;
    };
    template <typename Integer>
    static std::vector<Entry> with_keys(const std::vector<std::string_view>& strings, bool (*wanted)(std::size_t size));

    Group<std::uint64_t> long_;
    Group<std::uint32_t> short_;
};

}  // namespace scanners::clamav
