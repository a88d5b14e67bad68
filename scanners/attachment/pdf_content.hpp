// The text that a content stream of a PDF shows (ISO 32000-1 section 9.4): strings, and where a gap or a new line
// between them parts words.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "scanners/attachment/collected_text.hpp"
#include "scanners/attachment/pdf_font.hpp"

namespace scanners::attachment {

// The font of this name; lives as long as the reading.
using PdfFontByName = std::function<const PdfFont&(const std::string& name)>;

// `in_time` is asked now and then; false ends it.
void read_pdf_content(std::string_view octets, const PdfFontByName& font, const std::function<bool()>& in_time,
                      CollectedText& text);

}  // namespace scanners::attachment
