// A font of a PDF, as far as its text has to be read (ISO 32000-1 sections 9.6, 9.7, 9.10): which characters its codes
// stand for, and how wide they are, for a gap between two words is often no character at all.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "scanners/attachment/pdf_cmap.hpp"
#include "scanners/attachment/pdf_value.hpp"

namespace scanners::attachment {

// What values of a font refer to.
struct PdfSources {
    std::function<PdfValue(const PdfValue&)> value;      // what a reference leads to; anything else is itself
    std::function<std::string(const PdfValue&)> stream;  // its unpacked octets; empty: there is none
};

class PdfFont {
  public:
    PdfFont() : PdfFont(PdfValue{}, {}) {}  // one of which nothing is known
    PdfFont(const PdfValue& font, const PdfSources& sources);

    struct Glyph {
        std::string_view text;  // UTF-8; empty: nobody knows. Gone with the next one
        double width = 0;       // in units of the font's size
        bool blank = false;     // the code of one octet that word spacing goes by
    };
    void each_glyph(std::string_view string, const std::function<void(const Glyph&)>& take) const;
    // Widths are told, not guessed.
    [[nodiscard]] bool measured() const { return measured_; }

  private:
    struct Width {
        std::uint32_t first;
        std::uint32_t last;
        double width;
    };

    void read_simple(const PdfValue& font, const PdfSources& sources);
    void read_encoding(const PdfValue& encoding, bool type1);
    void read_differences(const PdfValue& differences);
    void read_composite(const PdfValue& font, const PdfSources& sources);
    void read_widths(const PdfValue& list);
    [[nodiscard]] double width_of(std::uint32_t code) const;
    void each_composite(std::string_view string, const std::function<void(const Glyph&)>& take) const;

    bool composite_ = false;
    bool measured_ = false;
    std::string charset_;                // of a composite font whose codes are text
    std::array<std::string, 256> text_;  // of a simple font, UTF-8
    std::array<double, 256> width_{};
    PdfCMap map_;
    std::vector<Width> widths_;  // of a composite one, ascending
    double default_width_ = 1;
};

}  // namespace scanners::attachment
