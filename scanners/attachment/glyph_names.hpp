// Characters by the names that fonts give their glyphs: those of the usual letters, figures and signs, and what is
// spelled out ("uni20AC", "f_f_i"), by the conventions of Adobe's Glyph List.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace scanners::attachment {

// Empty: nobody knows. A letter with an accent may come as letter and mark.
std::u32string characters_of_glyph(std::string_view name);

// The code pages of simple fonts (ISO 32000-1 annex D), as far as they are not ASCII: what stands at 0x80 to 0xFF of
// Adobe's standard one.
char32_t standard_character(unsigned char code);

}  // namespace scanners::attachment
