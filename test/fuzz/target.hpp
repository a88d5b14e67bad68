// What the fuzz targets share: a check that ends the program, and bytes read one decision at a time.
//
// Each target is one file that defines LLVMFuzzerTestOneInput. Linked with libFuzzer it searches (scripts/soak fuzz),
// linked with replay.cpp it runs what lies in corpus/NAME, in every run of the unit tests. A target checks properties,
// not only that nothing crashes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fuzz {

// Not assert(): it must hold in every build.
inline void require(bool holds, const char* what) {
    if (holds)
        return;
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::abort();
}

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

// Numbers and texts off the front of the input; zeros and empty texts when it is used up.
class Source {
  public:
    explicit Source(std::string_view bytes) : rest_(bytes) {}

    [[nodiscard]] bool empty() const { return rest_.empty(); }
    std::uint8_t octet() {
        if (rest_.empty())
            return 0;
        const auto value = static_cast<std::uint8_t>(rest_.front());
        rest_.remove_prefix(1);
        return value;
    }
    std::uint64_t number(std::size_t octets) {
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < octets; ++i)
            value = value << 8 | octet();
        return value;
    }
    std::string_view text(std::size_t length) {
        const auto value = rest_.substr(0, length);
        rest_.remove_prefix(value.size());
        return value;
    }
    std::string_view rest() { return text(rest_.size()); }

  private:
    std::string_view rest_;
};

// Sizes of the pieces into which an input is cut; the same seed gives the same cuts.
class Cuts {
  public:
    explicit Cuts(std::uint32_t seed) : state_(seed * 2654435761U + 1) {}

    // Of the next piece: mostly a few octets, seldom many.
    std::size_t next() {
        state_ = state_ * 1664525U + 1013904223U;
        const auto high = state_ >> 16;
        return (high & 7U) == 0 ? 1 + high % 5000 : 1 + (high >> 3) % 7;
    }

  private:
    std::uint32_t state_;
};

// Invariant 7: CR and LF stand only together.
inline bool has_bare_newline(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n'))
            return true;
        if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))
            return true;
    }
    return false;
}

}  // namespace fuzz
