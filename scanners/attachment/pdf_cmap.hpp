// Which characters the codes of a PDF's font stand for, when the font says so: its "ToUnicode" (ISO 32000-1 section
// 9.10.3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace scanners::attachment {

class PdfCMap {
  public:
    static PdfCMap read(std::string_view octets);

    [[nodiscard]] bool empty() const { return ranges_.empty(); }
    // UTF-16, most significant octet first; empty: nothing is said of it.
    [[nodiscard]] std::string characters(std::uint32_t code) const;
    // Octets of the code that `text` begins with; 0: no code does.
    [[nodiscard]] std::size_t code_length(std::string_view text) const;

  private:
    friend class PdfCMapReader;
    struct Range {
        std::uint32_t first;
        std::uint32_t last;
        std::string characters;  // of the first; the last unit counts on
    };
    struct Space {
        std::size_t octets;
        std::uint32_t first;
        std::uint32_t last;
    };
    std::vector<Range> ranges_;  // ascending
    std::vector<Space> spaces_;
};

// Octets as one number, most significant first; of the first four.
std::uint32_t pdf_code(std::string_view octets);

}  // namespace scanners::attachment
